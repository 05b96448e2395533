"""Another number of shards: queues of a former layout are adopted until they are empty."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from temporalio.client import Client, WorkflowHandle

from temporal_common.connection import Connection
from temporal_common.queue_state import queue_state
from temporal_common.queues import TENANT, QueueLayout
from temporal_common.routing import Route, RoutedPriority, Router
from temporal_common.settings import ShardSettings
from temporal_common.shards import parse_shard_part
from temporal_common.testing import HealthClient, RunningService, running_service
from tests.support.probe.worker import PROBE
from tests.support.probe.workflows import Plan, Probe, Sleeping, Waiting
from tests.support.rendezvous import Rendezvous

LARGE, SMALL = 8, 2


@pytest.fixture
def large(queue_prefix: str) -> QueueLayout:
    return QueueLayout(queue_prefix, LARGE)


@pytest.fixture
def small(queue_prefix: str) -> QueueLayout:
    return QueueLayout(queue_prefix, SMALL)


@asynccontextmanager
async def workers(
    connection: Connection, layout: QueueLayout, *, part: str = "all", name: str = "worker"
) -> AsyncIterator[RunningService]:
    """A service that looks for left queues several times a second."""
    sharding = ShardSettings.model_construct(shards=parse_shard_part(part), adoption_interval=0.2)
    async with running_service(
        [PROBE], connection=connection, layout=layout, sharding=sharding, service=name
    ) as service:
        yield service


def on(layout: QueueLayout, shard: int) -> Route:
    return Route(layout.task_queue(TENANT, shard).name, RoutedPriority())


async def wait_on(client: Client, layout: QueueLayout, shard: int) -> WorkflowHandle[Waiting, str]:
    return await client.start_workflow(Waiting.run, id=uuid4().hex, **on(layout, shard).options())


async def tell(*waiting: WorkflowHandle[Waiting, str]) -> None:
    for workflow in waiting:
        await workflow.signal(Waiting.tell)
        assert await workflow.result() == "told"


async def adopted(health: HealthClient) -> list[str]:
    queues = (await health.get("/health")).json["task_queues"]
    return [queue["name"] for queue in queues if queue["adopted"]]


async def until_adopted(health: HealthClient, queues: Sequence[str]) -> None:
    await health.until(
        "/health",
        lambda answer: (
            [q["name"] for q in answer.json["task_queues"] if q["adopted"] and q["polled"]]
            == list(queues)
        ),
    )


async def test_a_start_with_fewer_shards_finds_what_was_left_and_lets_it_go_when_it_is_done(
    temporal_client: Client,
    temporal_connection: Connection,
    large: QueueLayout,
    small: QueueLayout,
    held: Rendezvous,
) -> None:
    async with workers(temporal_connection, large):
        waiting = await wait_on(temporal_client, large, 5)
        sleeping = await temporal_client.start_workflow(
            Sleeping.run, 2.0, id=uuid4().hex, **on(large, 7).options()
        )
        working = await temporal_client.start_workflow(
            Probe.run, Plan("hold", held.address), id=uuid4().hex, **on(large, 5).options()
        )
        (await held.arrival()).release()
        await working.result()

    async with workers(temporal_connection, small) as service:
        assert await adopted(service.health) == [
            on(large, 5).task_queue,
            on(large, 7).task_queue,
        ]
        assert await sleeping.result() == "awake"
        await tell(waiting)
        await until_adopted(service.health, [])

    for shard in (5, 7):
        assert (await queue_state(temporal_client, on(large, shard).task_queue)).empty


async def test_work_of_a_client_with_the_former_layout_is_adopted_also_later_and_again(
    temporal_client: Client, temporal_connection: Connection, large: QueueLayout, small: QueueLayout
) -> None:
    async with workers(temporal_connection, small) as service:
        for _ in range(2):
            late = await wait_on(temporal_client, large, 6)
            await until_adopted(service.health, [on(large, 6).task_queue])
            await tell(late)
            await until_adopted(service.health, [])


async def test_growing_leaves_running_work_where_it_is(
    temporal_client: Client,
    temporal_connection: Connection,
    large: QueueLayout,
    small: QueueLayout,
    held: Rendezvous,
) -> None:
    async with workers(temporal_connection, small, name="former"):
        waiting = [await wait_on(temporal_client, small, shard) for shard in range(SMALL)]
        working = await temporal_client.start_workflow(
            Probe.run, Plan("hold", held.address), id=uuid4().hex, **on(small, 1).options()
        )
        async with workers(temporal_connection, large, name="latter") as latter:
            (await held.arrival()).release()
            assert await working.result() == ["done"]
            new = [await wait_on(temporal_client, large, shard) for shard in range(LARGE)]
            await tell(*waiting, *new)
            assert await adopted(latter.health) == []


async def test_processes_with_a_part_of_the_shards_do_all_of_the_work_and_only_their_own(
    temporal_client: Client, temporal_connection: Connection, queue_prefix: str
) -> None:
    layout, former = QueueLayout(queue_prefix, 4), QueueLayout(queue_prefix, LARGE)
    left = [await wait_on(temporal_client, former, shard) for shard in (6, 7)]
    async with (
        workers(temporal_connection, layout, part="0/2", name="even") as even,
        workers(temporal_connection, layout, part="1/2", name="odd") as odd,
    ):
        await until_adopted(even.health, [on(former, 6).task_queue])
        await until_adopted(odd.health, [on(former, 7).task_queue])
        for service, shards in ((even, (0, 2, 6)), (odd, (1, 3, 7))):
            queues = (await service.health.get("/health")).json["task_queues"]
            assert [queue["name"] for queue in queues] == [
                on(former, shard).task_queue for shard in shards
            ]
        tenants = [f"tenant-{number}" for number in range(12)]
        work = [
            await temporal_client.start_workflow(
                Waiting.run, id=uuid4().hex, **Router(layout).tenant(tenant).options()
            )
            for tenant in tenants
        ]
        await tell(*work, *left)


async def test_a_part_without_anybody_is_left_to_nobody(
    temporal_client: Client, temporal_connection: Connection, large: QueueLayout, small: QueueLayout
) -> None:
    waiting = await wait_on(temporal_client, large, 5)
    async with workers(temporal_connection, small, part="0-1") as service:
        assert await adopted(service.health) == []
    state = await queue_state(temporal_client, on(large, 5).task_queue)
    assert (state.running_workflows, state.polled()) == (1, False), "the doctor names it"
    await waiting.terminate()


async def test_a_drain_while_a_queue_is_adopted_ends_with_0(
    temporal_client: Client, temporal_connection: Connection, large: QueueLayout, small: QueueLayout
) -> None:
    async with workers(temporal_connection, small) as service:
        waiting = await wait_on(temporal_client, large, 4)
        await until_adopted(service.health, [on(large, 4).task_queue])
        assert await service.stop() == 0
    await waiting.terminate()
