"""Work that a drain interrupts goes on elsewhere, and the activity has lost no attempt by it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType, PendingActivityState
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ActivityError, ApplicationError

from temporal_common.connection import Connection
from temporal_common.queues import QueueLayout
from temporal_common.testing import RunningService, running_service
from temporal_common.tuning import Tuning
from temporal_common.worker import Workload
from tests.support.holding import until
from tests.support.probe.worker import PROBE
from tests.support.probe.workflows import Plan, Probe
from tests.support.rendezvous import Rendezvous

CANCEL_REQUESTED = PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED
STARTED = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
# Longer than any wait of a test: who waits for the back-off fails.
LONG = 300.0
SHORT_DRAIN = 0.1

Handle = WorkflowHandle[Probe, list[str]]
Workers = Callable[..., AbstractAsyncContextManager[RunningService]]


@pytest.fixture
def workers(temporal_connection: Connection, queue_prefix: str) -> Workers:
    """Workers of the probe on this test's queue; they drain at the end of the block."""

    @asynccontextmanager
    async def running(drain_limit: float = SHORT_DRAIN) -> AsyncIterator[RunningService]:
        tuning = Tuning(max_concurrent_activities=20, graceful_shutdown_timeout=drain_limit)
        async with running_service(
            [Workload(PROBE, tuning, None)],
            connection=temporal_connection,
            layout=QueueLayout(queue_prefix),
        ) as service:
            yield service

    return running


async def start(service: RunningService, plan: Plan, tenant: str = "acme") -> Handle:
    return await service.client.start_workflow(
        Probe.run, plan, id=uuid4().hex, **service.router.tenant(tenant).options()
    )


async def ends_of_the_activity(workflow: Handle) -> list[str]:
    """The events of a workflow that say how its activity ended."""
    prefix = "EVENT_TYPE_ACTIVITY_TASK_"
    names = [EventType.Name(event.event_type) for event in (await workflow.fetch_history()).events]
    ends = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
    return [end for end in ends if end in ("CANCELED", "COMPLETED", "FAILED", "TIMED_OUT")]


@pytest.mark.parametrize("activity", ["hold", "hold_thread"])
async def test_an_activity_with_one_attempt_outlives_two_drains_that_are_too_short(
    workers: Workers, held: Rendezvous, activity: str
) -> None:
    async with workers() as service:
        plan = Plan(activity, held.address, maximum_attempts=1, retry_interval=LONG)
        workflow = await start(service, plan)
        first = await held.arrival()
    async with workers():
        second = await held.arrival()
    async with workers():
        third = await held.arrival()
        third.release()
        await workflow.result()

    assert [first.attempt, second.attempt, third.attempt] == [1, 2, 3]


async def test_attempts_that_failed_stay_used_up(workers: Workers, held: Rendezvous) -> None:
    async with workers() as service:
        workflow = await start(service, Plan("hold", held.address, maximum_attempts=2))
        (await held.arrival()).release("unavailable")
        await held.arrival()
    async with workers():
        (await held.arrival()).release("unavailable")
        with pytest.raises(WorkflowFailureError) as failure:
            await workflow.result()

    assert isinstance(failure.value.cause, ActivityError)
    cause = failure.value.cause.cause
    assert isinstance(cause, ApplicationError)
    assert (cause.type, held.waiting) == ("Unavailable", 0)


async def test_an_activity_whose_attempts_have_no_bound_does_not_wait_for_the_back_off(
    workers: Workers, held: Rendezvous
) -> None:
    async with workers() as service:
        workflow = await start(service, Plan("hold", held.address, retry_interval=LONG))
        await held.arrival()
    async with workers():
        (await held.arrival()).release("elsewhere")
        assert await workflow.result() == ["elsewhere"]


async def test_an_activity_that_answers_its_cancellation_with_an_error_is_handed_over_alike(
    workers: Workers, held: Rendezvous
) -> None:
    async with workers() as service:
        plan = Plan("linger", held.address, maximum_attempts=1, retry_interval=LONG)
        workflow = await start(service, plan)
        await held.arrival()
        stopping = asyncio.create_task(service.stop())
        (await held.arrival()).release("own error")
        await stopping
    async with workers():
        (await held.arrival()).release("elsewhere")
        assert await workflow.result() == ["elsewhere"]


async def test_an_activity_that_finishes_in_spite_of_its_cancellation_has_its_result(
    workers: Workers, held: Rendezvous
) -> None:
    async with workers() as service:
        workflow = await start(service, Plan("linger", held.address, maximum_attempts=1))
        await held.arrival()
        stopping = asyncio.create_task(service.stop())
        (await held.arrival()).release("result")
        await stopping
    async with workers():
        assert await workflow.result() == ["finished in its except"]
    assert held.waiting == 0


async def test_each_successor_gets_the_last_heartbeat(workers: Workers, held: Rendezvous) -> None:
    async with workers() as service:
        workflow = await start(service, Plan("hold_after_progress", held.address))
        first = await held.arrival()
    async with workers():
        second = await held.arrival()
    async with workers():
        third = await held.arrival()
        third.release()
        await workflow.result()

    assert first.heartbeat == []
    assert second.heartbeat == third.heartbeat == ["table 7"]


async def test_what_has_not_begun_when_the_drain_begins_does_not_wait_for_its_end(
    temporal_connection: Connection, queue_prefix: str, held: Rendezvous
) -> None:
    busy = Workload(PROBE, Tuning(max_concurrent_activities=1, graceful_shutdown_timeout=60), None)
    layout = QueueLayout(queue_prefix, shards=2)  # of which each may take a task, for one slot
    plan = Plan("hold", held.address, maximum_attempts=1, retry_interval=LONG)

    async with running_service([busy], connection=temporal_connection, layout=layout) as service:
        workflows = [await start(service, plan, tenant) for tenant in ("acme", "globex")]
        running = await held.arrival()
        for workflow in workflows:
            await until(lambda workflow=workflow: started(workflow))  # type: ignore[misc]
        draining = asyncio.create_task(service.stop())
        async with running_service([PROBE], connection=temporal_connection, layout=layout):
            moved = await held.arrival()
            still_draining = not draining.done()
            for activity in (running, moved):
                activity.release()
            for workflow in workflows:
                await workflow.result()
            await draining

    assert still_draining
    assert (running.attempt, moved.attempt) == (1, 2)


async def started(workflow: Handle) -> bool:
    """Whether a process has taken the workflow's activity."""
    pending = (await workflow.describe()).raw_description.pending_activities
    return bool(pending) and pending[0].state == STARTED


async def test_a_cancellation_by_the_workflow_stays_one_during_a_drain(
    workers: Workers, held: Rendezvous
) -> None:
    async with workers(drain_limit=60) as service, asyncio.TaskGroup() as tasks:
        workflow = await start(service, Plan("hold", held.address, heartbeat_timeout=0.5))
        await held.arrival()
        draining = tasks.create_task(service.stop())
        await service.health.until("/readyz", lambda answer: "draining" in answer.text)
        async with workers():  # for the workflow's own tasks
            await workflow.cancel()
            await draining
            with pytest.raises(WorkflowFailureError):
                await workflow.result()

    assert await ends_of_the_activity(workflow) == ["CANCELED"]
    assert held.waiting == 0


async def test_a_cancellation_that_comes_while_the_activity_reacts_to_the_drain_stays_one(
    workers: Workers, held: Rendezvous
) -> None:
    async with workers() as service, asyncio.TaskGroup() as tasks:
        workflow = await start(service, Plan("linger", held.address))
        await held.arrival()
        draining = tasks.create_task(service.stop())
        lingering = await held.arrival()
        async with workers():  # for the workflow's own tasks
            await workflow.cancel()

            async def requested() -> bool:
                pending = (await workflow.describe()).raw_description.pending_activities
                return pending[0].state == CANCEL_REQUESTED

            await until(requested)
            lingering.release()
            await draining
            with pytest.raises(WorkflowFailureError):
                await workflow.result()

    assert await ends_of_the_activity(workflow) == ["CANCELED"]
    assert held.waiting == 0
