"""`fleetctl shards plan`: the way to another number of shards, one safe step after another."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from fleetctl import output
from fleetctl.arguments import AsJson, example
from fleetctl.exit_codes import ExitCode
from fleetctl.session import connect, run

if TYPE_CHECKING:
    from temporal_common.resharding import Moves, Plan

_MAX_SHARDS: Final = 1000  # of temporal_common.queues, which a usage error must not load


class Actor(StrEnum):
    WORKERS = "workers"
    CLIENTS = "clients"


def plan(
    to: Annotated[
        int, typer.Option("--to", min=1, max=_MAX_SHARDS, help="Shards that the fleet is to have.")
    ],
    since: Annotated[
        int | None,
        typer.Option(
            "--from",
            min=1,
            max=_MAX_SHARDS,
            help="Shards that it had before.",
            show_default="TEMPORAL_QUEUE_SHARDS",
        ),
    ] = None,
    clients_moved: Annotated[
        bool,
        typer.Option(
            "--clients-moved",
            help="All clients use the new number already. Nobody can see that from outside.",
        ),
    ] = False,
    step: Annotated[
        Actor | None,
        typer.Option(help="Exit with 1 unless the step of these may be done now, or is done."),
    ] = None,
    database: Annotated[
        bool, typer.Option(help="Count the tenants that move, in Postgres.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Show what another number of shards moves, and which step comes next.

    Growing: workers get the new number first, then clients. Shrinking: clients first, then
    workers, which go on polling what is left until it is empty.

    Exits with 1 where the next step would strand work, or work is stranded already.
    """
    code = run(
        "shards plan",
        lambda: _plan(
            to, since, step, clients_moved=clients_moved, database=database, as_json=as_json
        ),
    )
    if code is not ExitCode.OK:
        raise typer.Exit(code)


EXAMPLES: Final = example(
    "fleetctl shards plan --to 16",
    "fleetctl shards plan --from 4 --to 16 --step clients && ./deploy-clients",
    "fleetctl shards plan --from 16 --to 4 --clients-moved",
)


async def _plan(
    target: int,
    since: int | None,
    step: Actor | None,
    *,
    clients_moved: bool,
    database: bool,
    as_json: bool,
) -> ExitCode:
    from fleetctl.seen_queues import look
    from temporal_common import resharding
    from temporal_common.queues import TENANT, QueueLayout

    fleet = await connect()
    layout = fleet.router.layout
    shards = since or layout.shards
    whole = QueueLayout(layout.prefix, max(shards, target))
    seen = await look(fleet.client, whole, TENANT)
    found = resharding.plan(
        shards, target, [queue.shard for queue in seen], clients_moved=clients_moved
    )
    moves = await _moves(shards, target) if database and target != shards else None
    if as_json:
        output.document(_document(found, moves, layout.prefix))
    else:
        _draw(found, moves)
    if found.stranded:
        output.note(
            f"fleetctl: nobody polls {resharding.named(found.stranded)}, and work waits there"
        )
    unsafe = step is not None and not found.safe(resharding.Actor(step))
    return ExitCode.FAILED if found.strands or unsafe else ExitCode.OK


async def _moves(shards: int, target: int) -> "Moves | None":
    """Of the tenants in the catalogue; None when Postgres is away, which is said."""
    from fleetctl.session import open_catalog
    from temporal_common.resharding import moves
    from tenant_catalog.errors import DatabaseRefused, DatabaseUnavailable

    try:
        async with open_catalog() as catalog:
            rows = await catalog.list()
    except (DatabaseUnavailable, DatabaseRefused) as error:
        output.note(f"fleetctl: the tenants that move are not counted: {error}")
        return None
    return moves((row.slug for row in rows), shards, target)


def _draw(found: "Plan", moves: "Moves | None") -> None:
    from temporal_common.resharding import StepState, moving_share

    share = f"{moving_share(found.shards, found.target):.1%} of the tenants"
    output.result(f"{found.shards} → {found.target} shards: moves about {share}")
    if moves is not None:
        output.result(f"{moves.moved} of {moves.tenants} tenants in the catalogue move")
    if moves is not None and moves.tenants:
        output.table(
            ["shard", "tenants now", "then"],
            [
                [f"{shard:02d}", str(moves.before.get(shard, 0)), str(moves.after.get(shard, 0))]
                for shard in sorted(moves.before.keys() | moves.after.keys())
            ],
        )
    if not found.steps:
        output.result("nothing is to be done: the number stays as it is")
    for number, step in enumerate(found.steps, start=1):
        output.result(f"{number}. {step.text}\n   {step.state.value}: {step.why}")
    if found.steps and all(step.state is StepState.DONE for step in found.steps):
        output.result("all steps are done")


def _document(found: "Plan", moves: "Moves | None", prefix: str) -> dict[str, Any]:
    from temporal_common.resharding import moving_share

    return {
        "prefix": prefix,
        "from": found.shards,
        "to": found.target,
        "moving_share": moving_share(found.shards, found.target),
        "tenants": moves
        and {
            "total": moves.tenants,
            "moved": moves.moved,
            "before": {f"{shard:02d}": count for shard, count in sorted(moves.before.items())},
            "after": {f"{shard:02d}": count for shard, count in sorted(moves.after.items())},
        },
        "steps": [vars(step) for step in found.steps],
        "stranded": [queue.name for queue in found.stranded],
        "would_strand": found.strands,
    }
