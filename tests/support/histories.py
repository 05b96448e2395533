"""What a test looks up in a workflow's history."""

from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import ActivityTaskScheduledEventAttributes
from temporalio.client import Client, WorkflowHandle


async def scheduled_activities(
    handle: WorkflowHandle[Any, Any],
) -> list[ActivityTaskScheduledEventAttributes]:
    return [
        event.activity_task_scheduled_event_attributes
        async for event in handle.fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    ]


async def attempts(handle: WorkflowHandle[Any, Any]) -> dict[str, int]:
    """The last attempt of each activity that has ended, by its type; the highest of several."""
    names: dict[int, str] = {}
    found: dict[str, int] = {}
    async for event in handle.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            scheduled = event.activity_task_scheduled_event_attributes
            names[event.event_id] = scheduled.activity_type.name
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            started = event.activity_task_started_event_attributes
            name = names[started.scheduled_event_id]
            found[name] = max(found.get(name, 0), started.attempt)
    return found


async def until_cancel_requested(handle: WorkflowHandle[Any, Any]) -> None:
    async for event in handle.fetch_history_events(wait_new_event=True):
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED:
            return


async def runs_of(client: Client, handle: WorkflowHandle[Any, Any]) -> list[str]:
    """The ids of a workflow's runs, each of which continued as the next one."""
    runs: list[str] = []
    run = handle.first_execution_run_id
    while run:
        runs.append(run)
        *_, last = [
            event
            async for event in client.get_workflow_handle(
                handle.id, run_id=run
            ).fetch_history_events()
        ]
        run = last.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    return runs


async def identities(handle: WorkflowHandle[Any, Any]) -> set[str]:
    """The workers that ran the workflow's tasks and its activities."""
    found = set()
    async for event in handle.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            found.add(event.workflow_task_completed_event_attributes.identity)
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            found.add(event.activity_task_completed_event_attributes.identity)
    return found


async def versions(handle: WorkflowHandle[Any, Any]) -> list[str]:
    """The build ids that ran the workflow's tasks, in order, each once for a stretch of tasks."""
    found: list[str] = []
    async for event in handle.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            completed = event.workflow_task_completed_event_attributes
            if completed.deployment_version.build_id not in found[-1:]:
                found.append(completed.deployment_version.build_id)
    return found
