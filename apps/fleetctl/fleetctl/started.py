"""What a command says when its workflow is started."""

from fleetctl import output
from fleetctl.follow import Work


def started(work: Work, *, waiting: bool, as_json: bool) -> None:
    """A note when the command goes on to wait; its result when it does not."""
    id = work.handle.id
    if waiting:
        output.note(f"{work.name} is started: workflow {id} on task queue {work.task_queue}")
    elif as_json:
        output.document(
            {
                "workflow_id": id,
                "run_id": work.handle.result_run_id,
                "task_queue": work.task_queue,
                "follow": work.look,
            }
        )
    else:
        output.result(f"{work.name} is started: workflow {id}\nlook at it with: {work.look}")
