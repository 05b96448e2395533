"""`fleetctl token cleanup`."""

from typing import Annotated, Final

import typer

from fleetctl import output
from fleetctl.arguments import AsJson, example
from fleetctl.follow import Work, follow, one_step
from fleetctl.session import connect, run
from fleetctl.started import started
from tenant_catalog.contracts.cleanup import (
    CLEANUP_WORKFLOW,
    CleanedUpTokens,
    CleanUpTokens,
    cleanup_id,
)


def cleanup(
    batch_size: Annotated[
        int, typer.Option(min=1, max=100_000, help="Rows deleted in one transaction.")
    ] = CleanUpTokens.batch_size,
    wait: Annotated[bool, typer.Option(help="Wait until it has ended.")] = True,
    as_json: AsJson = False,
) -> None:
    """Delete the refresh tokens, verification tokens and invites that have expired.

    The jobs service does so by its schedule; this is for a run at once.
    """
    request = CleanUpTokens(batch_size=batch_size)
    run("token cleanup", lambda: _cleanup(request, wait=wait, as_json=as_json))


CLEANUP_EXAMPLES: Final = example(
    "fleetctl token cleanup", "fleetctl token cleanup --batch-size 1000 --json | jq .total"
)


async def _cleanup(request: CleanUpTokens, *, wait: bool, as_json: bool) -> None:
    id = cleanup_id()
    look = f"temporal workflow result --workflow-id {id}"
    fleet = await connect()
    route = fleet.router.job()
    handle = await fleet.start(
        CLEANUP_WORKFLOW,
        request,
        id=id,
        route=route,
        result_type=CleanedUpTokens,
        running=f"a token clean-up is running already; wait for it with: {look}",
    )
    work = Work("the token clean-up", fleet.client, handle, route.task_queue, look)
    started(work, waiting=wait, as_json=as_json)
    if not wait:
        return
    cleaned = await follow(work, handle.result(), one_step(handle, "clean up"))
    assert cleaned is not None, "only the end of the workflow ends this wait"
    if as_json:
        output.document(
            {
                "cutoff": cleaned.cutoff,
                "deleted": cleaned.deleted,
                "total": cleaned.total,
                "workflow_id": id,
            }
        )
        return
    output.table(
        ["table", "deleted"],
        [[table.value, str(count)] for table, count in cleaned.deleted.items()],
    )
    output.result(
        f"{cleaned.total} rows were deleted that had expired by {output.moment(cleaned.cutoff)}"
    )
