"""What a task queue holds and who serves it, asked of a real server."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from temporalio.client import Client

from temporal_common.connection import Connection
from temporal_common.queue_state import POLL_RENEWED_WITHIN, QueueState, left_queues, queue_state
from temporal_common.queues import JOBS, TENANT, QueueLayout, TaskQueue
from temporal_common.routing import Route, RoutedPriority
from temporal_common.testing import running_service
from tests.support.probe.worker import PROBE


async def until(
    ask: Callable[[], Awaitable[QueueState]], wanted: Callable[[QueueState], bool]
) -> QueueState:
    """The server's answers are about a second old, and nothing tells when they change."""
    async with asyncio.timeout(20):
        while True:
            state = await ask()
            if wanted(state):
                return state
            await asyncio.sleep(0.1)


async def start(client: Client, queue: TaskQueue, count: int = 1) -> None:
    for _ in range(count):
        route = Route(queue.name, RoutedPriority())
        await client.start_workflow("NoSuchWorkflow", id=uuid4().hex, **route.options())


async def test_work_without_a_worker_is_counted_and_has_no_poller(
    temporal_client: Client, queue_prefix: str
) -> None:
    queue = QueueLayout(queue_prefix).task_queue(TENANT)
    await start(temporal_client, queue, 3)

    state = await until(
        lambda: queue_state(temporal_client, queue.name),
        lambda state: state.running_workflows == 3 and state.workflow.backlog == 3,
    )

    assert state.workflow.backlog_age > timedelta(0)
    assert (state.empty, state.polled(), state.workflow.rate_limited) == (False, False, False)
    assert (state.activity.backlog, state.activity.pollers) == (0, ())


async def test_a_queue_that_a_service_polls_is_empty_and_has_its_poller(
    temporal_client: Client, temporal_connection: Connection, queue_prefix: str
) -> None:
    layout = QueueLayout(queue_prefix)
    async with running_service([PROBE], connection=temporal_connection, layout=layout) as service:
        identity = (await service.health.get("/health")).json["identity"]
        state = await queue_state(temporal_client, layout.task_queue(TENANT).name)

    assert state.empty
    assert state.polled()
    assert {poller.identity for poller in state.workflow.pollers} == {identity}
    later = datetime.now(UTC) + POLL_RENEWED_WITHIN + timedelta(seconds=5)
    assert not state.polled(later), "it would have renewed its poll by then"


async def test_queues_beyond_the_layout_are_found_by_their_running_workflows(
    temporal_client: Client, queue_prefix: str
) -> None:
    former = QueueLayout(queue_prefix, shards=16)
    for shard in (1, 5, 5, 12):
        await start(temporal_client, former.task_queue(TENANT, shard))
    await start(temporal_client, TaskQueue(f"{queue_prefix}-other", "tenant", 9))
    await temporal_client.start_workflow(
        "NoSuchWorkflow", id=uuid4().hex, task_queue=f"{queue_prefix}.tenant.by-hand"
    )
    await until(
        lambda: queue_state(temporal_client, former.task_queue(TENANT, 12).name),
        lambda state: state.running_workflows == 1,
    )

    now = QueueLayout(queue_prefix, shards=4)
    assert await left_queues(temporal_client, now, TENANT) == [
        former.task_queue(TENANT, 5),
        former.task_queue(TENANT, 12),
    ]
    assert await left_queues(temporal_client, former, TENANT) == []
    assert await left_queues(temporal_client, now, JOBS) == []
