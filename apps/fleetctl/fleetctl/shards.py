"""`fleetctl shards`: what the task queues of the shards hold, and the way to another number."""

from typing import TYPE_CHECKING, Any, Final

import typer

from fleetctl import output
from fleetctl.arguments import AsJson, example
from fleetctl.exit_codes import ExitCode
from fleetctl.session import run

if TYPE_CHECKING:
    from fleetctl.seen_queues import SeenQueue
    from temporal_common.queues import QueueLayout


def status(as_json: AsJson = False) -> None:
    """Show what each task queue of tenants holds, those outside the layout as well.

    Exits with 1 when a queue holds work and nobody polls it.
    """
    code = run("shards status", lambda: _status(as_json=as_json))
    if code is not ExitCode.OK:
        raise typer.Exit(code)


STATUS_EXAMPLES: Final = example(
    "fleetctl shards status",
    "fleetctl shards status --json | jq '.queues[] | select(.use == \"stranded\")'",
)


async def _status(*, as_json: bool) -> ExitCode:
    from temporal_common.resharding import Use, named

    seen, layout = await _look()
    uses = [queue.shard.use(layout.shards) for queue in seen]
    stranded = [queue.shard for queue, use in zip(seen, uses, strict=True) if use is Use.STRANDED]
    if as_json:
        output.document({"shards": layout.shards, "queues": [as_row(q, layout) for q in seen]})
    else:
        output.table(
            ["task queue", "use", "running", "workflow tasks", "activity tasks", "pollers"],
            [
                [
                    queue.name,
                    use.value,
                    str(queue.state.running_workflows),
                    str(queue.state.workflow.backlog),
                    str(queue.state.activity.backlog),
                    f"{queue.workflow_pollers} / {queue.activity_pollers}",
                ]
                for queue, use in zip(seen, uses, strict=True)
            ],
        )
    if stranded:
        output.note(f"fleetctl: nobody polls {named(stranded)}, and work waits there")
    return ExitCode.FAILED if stranded else ExitCode.OK


async def _look() -> "tuple[list[SeenQueue], QueueLayout]":
    from fleetctl.seen_queues import look
    from fleetctl.session import connect
    from temporal_common.queues import TENANT

    fleet = await connect()
    layout = fleet.router.layout
    return await look(fleet.client, layout, TENANT), layout


def as_row(queue: "SeenQueue", layout: "QueueLayout") -> dict[str, Any]:
    """A queue in JSON."""
    return {
        "task_queue": queue.name,
        "shard": queue.queue.shard,
        "in_layout": queue.in_layout,
        "use": queue.shard.use(layout.shards),
        "running_workflows": queue.state.running_workflows,
        "workflow_backlog": queue.state.workflow.backlog,
        "activity_backlog": queue.state.activity.backlog,
        "workflow_pollers": queue.workflow_pollers,
        "activity_pollers": queue.activity_pollers,
    }
