"""What the library does around every activity, on a real server."""

import asyncio
from uuid import uuid4

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ActivityError, ApplicationError

from temporal_common.connection import Connection
from temporal_common.queues import QueueLayout
from temporal_common.testing import RunningService, running_service
from temporal_common.tuning import Tuning
from temporal_common.worker import Workload
from tests.support.probe.worker import PROBE
from tests.support.probe.workflows import Plan, Probe, Urgent
from tests.support.rendezvous import Rendezvous

BUDGET = 3
TENANTS = ["acme", "globex", "initech", "umbrella", "hooli", "stark", "wayne", "wonka"]

Handle = WorkflowHandle[Probe, list[str]]


async def start(service: RunningService, plan: Plan, tenant: str = "acme") -> Handle:
    return await service.client.start_workflow(
        Probe.run, plan, id=uuid4().hex, **service.router.tenant(tenant).options()
    )


async def test_a_refusal_fails_the_activity_at_once_under_the_name_of_its_class(
    temporal_connection: Connection, held: Rendezvous
) -> None:
    async with running_service([PROBE], connection=temporal_connection) as service:
        workflow = await start(service, Plan("hold", held.address))
        (await held.arrival()).release("refused")
        with pytest.raises(WorkflowFailureError) as failure:
            await workflow.result()

    cause = failure.value.cause
    assert isinstance(cause, ActivityError)
    refusal = cause.cause
    assert isinstance(refusal, ApplicationError)
    assert (refusal.type, refusal.message) == ("TenantExists", "acme exists already")
    assert held.waiting == 0, "no second attempt"


async def test_an_absence_is_retried(temporal_connection: Connection, held: Rendezvous) -> None:
    async with running_service([PROBE], connection=temporal_connection) as service:
        workflow = await start(service, Plan("hold", held.address))
        (await held.arrival()).release("unavailable")
        again = await held.arrival()
        again.release("there now")

        assert await workflow.result() == ["there now"]
        assert again.attempt == 2


async def test_a_synchronous_activity_runs_in_a_thread_of_the_pool(
    temporal_connection: Connection, held: Rendezvous
) -> None:
    async with running_service([PROBE], connection=temporal_connection) as service:
        workflow = await start(service, Plan("hold_thread", held.address))
        (await held.arrival()).release()

        assert (await workflow.result())[0].startswith("activity")


async def test_the_queues_of_a_workload_share_one_budget_of_activities(
    temporal_connection: Connection, queue_prefix: str, held: Rendezvous
) -> None:
    workload = Workload(PROBE, Tuning(max_concurrent_activities=BUDGET), None)
    layout = QueueLayout(queue_prefix, shards=4)
    counts = []

    async with running_service(
        [workload], connection=temporal_connection, layout=layout
    ) as service:
        plan = Plan("hold", held.address, times=4)
        workflows = [await start(service, plan, tenant) for tenant in TENANTS]
        running = [await held.arrival() for _ in range(BUDGET)]
        for _ in range(len(TENANTS)):
            counts.append((await service.health.get("/health")).json["running_activities"])
            running.pop(0).release()
            running.append(await held.arrival())
        for activity in running:
            activity.release()
        async with held.everyone_released():
            await asyncio.gather(*(workflow.result() for workflow in workflows))

    queues = {service.router.tenant(tenant).task_queue for tenant in TENANTS}
    assert len(queues) == 4, "the tenants are spread; else this test is idle"
    assert max(counts) == BUDGET


async def test_an_activity_is_beaten_for_while_it_runs_and_while_it_waits_for_the_budget(
    temporal_connection: Connection, queue_prefix: str, held: Rendezvous
) -> None:
    workload = Workload(PROBE, Tuning(max_concurrent_activities=1), None)
    layout = QueueLayout(queue_prefix, shards=2)
    plan = Plan("hold", held.address, heartbeat_timeout=1)

    async with running_service(
        [workload], connection=temporal_connection, layout=layout
    ) as service:
        acme, globex = [await start(service, plan, tenant) for tenant in ("acme", "globex")]
        for workflow in (acme, globex):
            await heartbeat(workflow)
        running = await held.arrival()
        waiting = held.waiting
        running.release()
        after = await held.arrival()
        after.release()
        await asyncio.gather(acme.result(), globex.result())

    assert waiting == 0, "the other activity waits for the budget; else this test is idle"
    assert (running.attempt, after.attempt) == (1, 1)


async def heartbeat(workflow: Handle, *, within: float = 10) -> None:
    """Waits until the server has a heartbeat of the workflow's activity."""
    async with asyncio.timeout(within):
        while True:
            pending = (await workflow.describe()).raw_description.pending_activities
            if pending and pending[0].HasField("last_heartbeat_time"):
                return
            await asyncio.sleep(0.05)


async def test_an_activity_may_be_urgent_but_stays_its_workflows_tenants(
    temporal_connection: Connection, held: Rendezvous
) -> None:
    async with running_service([PROBE], connection=temporal_connection) as service:
        route = service.router.tenant("acme", weight=2.0)
        workflow = await service.client.start_workflow(
            Urgent.run, Plan("hold", held.address), id=uuid4().hex, **route.options()
        )
        (await held.arrival()).release()
        await workflow.result()
        history = await workflow.fetch_history()

    [scheduled] = [
        event.activity_task_scheduled_event_attributes.priority
        for event in history.events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    assert scheduled.priority_key == 1
    assert (scheduled.fairness_key, scheduled.fairness_weight) == ("acme", 2.0)
