"""Nothing is started on a queue of the fleet but by a route.

A start without a fairness key would go unnoticed: it runs, and with every other such start it
shares one key, whosever work it is. So each client of the library refuses it. A program with a
client of its own can still send one; it gains nothing, since all of them together count as one
tenant.
"""

from typing import Any

from temporalio.client import (
    ActivityHandle,
    CreateScheduleInput,
    Interceptor,
    OutboundInterceptor,
    ScheduleActionStartWorkflow,
    ScheduleHandle,
    StartActivityInput,
    StartWorkflowInput,
    StartWorkflowUpdateWithStartInput,
    WorkflowHandle,
    WorkflowUpdateHandle,
)
from temporalio.common import Priority

from temporal_common.errors import Refused
from temporal_common.queues import InvalidTaskQueue, parse_task_queue
from temporal_common.routing import RoutedPriority


class NotRouted(Refused):
    """A start on a task queue of the fleet whose priority no `Router` has made."""


class RoutedStarts(Interceptor):
    """Put on every client by `client.connect`."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        return _Outbound(next)


class _Outbound(OutboundInterceptor):
    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
        _require_route(input.workflow, input.task_queue, input.priority)  # also signal-with-start
        return await super().start_workflow(input)

    async def start_update_with_start_workflow(
        self, input: StartWorkflowUpdateWithStartInput
    ) -> WorkflowUpdateHandle[Any]:
        start = input.start_workflow_input
        _require_route(start.workflow, start.task_queue, start.priority)
        return await super().start_update_with_start_workflow(input)

    async def start_activity(self, input: StartActivityInput) -> ActivityHandle[Any]:
        _require_route(input.activity_type, input.task_queue, input.priority)
        return await super().start_activity(input)

    async def create_schedule(self, input: CreateScheduleInput) -> ScheduleHandle:
        action = input.schedule.action
        if isinstance(action, ScheduleActionStartWorkflow):
            _require_route(str(action.workflow), action.task_queue, action.priority)
        return await super().create_schedule(input)


def _require_route(what: str, task_queue: str, priority: Priority | None) -> None:
    if isinstance(priority, RoutedPriority):
        return
    try:
        parse_task_queue(task_queue)
    except InvalidTaskQueue:
        return  # not of a fleet: none of our business
    raise NotRouted(
        f"{what} would start on {task_queue} without its fairness key; route it: "
        "**Router(layout).tenant(TENANT).options(), or .job() for work of no tenant"
    )
