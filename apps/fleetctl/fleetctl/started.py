"""What a command says when its workflow is started."""

from typing import TYPE_CHECKING, Any

from fleetctl import output
from fleetctl.follow import Work

if TYPE_CHECKING:
    from temporalio.client import WorkflowHandle


def started(
    work: Work, handle: "WorkflowHandle[Any, Any]", *, waiting: bool, as_json: bool
) -> None:
    """A note when the command goes on to wait; its result when it does not."""
    if waiting:
        output.note(f"{work.name} is started: workflow {handle.id} on task queue {work.task_queue}")
    elif as_json:
        output.document(
            {
                "workflow_id": handle.id,
                "run_id": handle.result_run_id,
                "task_queue": work.task_queue,
                "follow": work.look,
            }
        )
    else:
        output.result(f"{work.name} is started: workflow {handle.id}\nlook at it with: {work.look}")
