"""No client of the library starts anything on a queue of the fleet without its route."""

from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleSpec,
    WithStartWorkflowOperation,
    WorkflowUpdateStage,
)
from temporalio.common import Priority, WorkflowIDConflictPolicy

from temporal_common.queues import TENANT, QueueLayout
from temporal_common.routed_starts import NotRouted
from temporal_common.routing import INTERACTIVE, Route, RoutedPriority, Router

Start = Callable[[Client, str, Priority], Awaitable[object]]


async def workflow(client: Client, queue: str, priority: Priority) -> None:
    await client.start_workflow("Any", id=uuid4().hex, task_queue=queue, priority=priority)


async def signal_with_start(client: Client, queue: str, priority: Priority) -> None:
    await client.start_workflow(
        "Any", id=uuid4().hex, task_queue=queue, priority=priority, start_signal="wake"
    )


async def update_with_start(client: Client, queue: str, priority: Priority) -> None:
    start: WithStartWorkflowOperation[object, object] = WithStartWorkflowOperation(
        "Any",
        id=uuid4().hex,
        task_queue=queue,
        priority=priority,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
    )
    await client.start_update_with_start_workflow(
        "change", start_workflow_operation=start, wait_for_stage=WorkflowUpdateStage.ACCEPTED
    )


async def schedule(client: Client, queue: str, priority: Priority) -> None:
    action = ScheduleActionStartWorkflow("Any", id=uuid4().hex, task_queue=queue, priority=priority)
    await client.create_schedule(uuid4().hex, Schedule(action, ScheduleSpec()))


@pytest.mark.parametrize("start", [workflow, signal_with_start, update_with_start, schedule])
@pytest.mark.parametrize("priority", [Priority.default, Priority(fairness_key="acme")])
async def test_a_start_without_a_route_is_refused_with_what_to_write(
    temporal_client: Client, queue_prefix: str, start: Start, priority: Priority
) -> None:
    queue = QueueLayout(queue_prefix).task_queue(TENANT).name
    with pytest.raises(NotRouted, match=rf"Any would start on {queue} without .*; route it: "):
        await start(temporal_client, queue, priority)


async def test_a_routed_start_carries_the_tenants_key_weight_and_urgency_to_the_server(
    temporal_client: Client, queue_prefix: str
) -> None:
    route = Router(QueueLayout(queue_prefix)).tenant("acme", urgency=INTERACTIVE, weight=2.5)
    handle = await temporal_client.start_workflow("Any", id=uuid4().hex, **route.options())

    [started] = [event async for event in handle.fetch_history_events(page_size=1)][:1]
    priority = started.workflow_execution_started_event_attributes.priority
    assert (priority.fairness_key, priority.fairness_weight) == ("acme", 2.5)
    assert priority.priority_key == INTERACTIVE


@pytest.mark.parametrize("start", [workflow, schedule])
async def test_a_route_of_the_systems_own_work_is_a_route(
    temporal_client: Client, queue_prefix: str, start: Start
) -> None:
    route: Route = Router(QueueLayout(queue_prefix)).job()
    assert isinstance(route.priority, RoutedPriority)
    await start(temporal_client, route.task_queue, route.priority)


async def test_a_queue_of_somebody_else_is_none_of_its_business(
    temporal_client: Client, queue_prefix: str
) -> None:
    await workflow(temporal_client, f"{queue_prefix}-by-hand", Priority.default)
