"""`fleetctl doctor`: what is wrong with a fleet, and how to mend it."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from fleetctl import output
from fleetctl.arguments import AsJson, duration_option, example
from fleetctl.checks import fairness, postgres, queues, settings, temporal, versions, workers
from fleetctl.checks.verdicts import Checked, Verdict, left_out, unknown
from fleetctl.exit_codes import ExitCode
from fleetctl.failures import explain
from fleetctl.session import run
from fleetctl.verdict_list import draw, summary

if TYPE_CHECKING:
    from temporalio.client import Client

    from temporal_common.queues import QueueLayout


def doctor(
    probe: Annotated[
        bool,
        typer.Option(
            help="Start a few short workflows on a task queue of their own, which are deleted "
            "again, to see whether fairness and priority keys count."
        ),
    ] = True,
    database: Annotated[
        bool, typer.Option(help="Look at Postgres, at DATABASE_URL or where dev-all serves it.")
    ] = True,
    health: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="/health of a worker, to ask how it is; may be repeated."),
    ] = None,
    longest_wait: Annotated[
        timedelta,
        duration_option("--longest-wait", "1m", "How long a task may wait in its queue."),
    ] = queues.LONGEST_WAIT,
    as_json: AsJson = False,
) -> None:
    """Find out what is wrong with a running fleet, and how to mend it.

    Exits with 0 when every check says ok, with 1 when one found a problem or could not look, and
    with 6 when Temporal cannot be reached.
    """
    options = _Options(probe, database, tuple(health or ()), longest_wait)
    code = run("doctor", lambda: _doctor(options, as_json=as_json))
    if code is not ExitCode.OK:
        raise typer.Exit(code)


EXAMPLES: Final = example(
    "fleetctl doctor",
    "fleetctl doctor --health http://127.0.0.1:8080/health",
    "fleetctl doctor --no-probe --json | jq '.checks[] | select(.verdict == \"problem\")'",
)


@dataclass(frozen=True)
class _Options:
    probe: bool
    database: bool
    health: tuple[str, ...]
    longest_wait: timedelta


async def _doctor(options: _Options, *, as_json: bool) -> ExitCode:
    from temporal_common.settings import QueueSettings, load

    layout = load(QueueSettings).layout
    done: list[Checked] = []

    def tell(checks: Iterable[Checked]) -> None:
        for checked in checks:
            done.append(checked)
            if not as_json:
                draw(checked)

    unreachable = False
    slots: list[int] = []
    try:
        client, connected = await temporal.check_temporal()
    except temporal.NoTemporal as error:
        unreachable = error.unreachable
        tell([error.checked, *(left_out(name, "needs Temporal") for name in _OF_TEMPORAL)])
    else:
        tell([connected])
        slots += await _check_fleet(client, layout, options, tell)
    if options.database:
        tell(await _guarded((postgres.POSTGRES,), postgres.check_postgres))
    else:
        tell([left_out(postgres.POSTGRES, "--no-database")])
    answers = await workers.ask_workers(options.health)
    slots += workers.slots(answers)
    tell([workers.check_workers(answers, layout), settings.check_settings(layout.shards, slots)])
    if as_json:
        output.document(_document(done))
    else:
        output.result(summary(done))
    if unreachable:
        return ExitCode.UNREACHABLE
    healthy = all(checked.verdict in (Verdict.OK, Verdict.LEFT_OUT) for checked in done)
    return ExitCode.OK if healthy else ExitCode.FAILED


_OF_QUEUES: Final = (queues.POLLERS, queues.LEFT_BEHIND, queues.BACKLOG)
_OF_FAIRNESS: Final = (fairness.PARTITIONS, fairness.FAIRNESS, fairness.PRIORITY)
_OF_TEMPORAL: Final = (temporal.VERSION, *_OF_FAIRNESS, *_OF_QUEUES, versions.VERSIONS)


async def _check_fleet(
    client: "Client",
    layout: "QueueLayout",
    options: _Options,
    tell: Callable[[Iterable[Checked]], None],
) -> list[int]:
    """Tells what it finds; gives the activities that workers do at once, where they say it."""
    slots: list[int] = []

    async def version() -> list[Checked]:
        return [await temporal.check_version(client)]

    async def fair() -> list[Checked]:
        return await fairness.check_fairness(client, layout, probing=options.probe)

    async def served() -> list[Checked]:
        from fleetctl.seen_queues import look
        from temporal_common.queues import JOBS, TENANT

        seen = [queue for kind in (TENANT, JOBS) for queue in await look(client, layout, kind)]
        slots.extend(queue.activity_slots for queue in seen if queue.activity_slots)
        return [
            queues.check_pollers(seen),
            queues.check_left_behind(seen),
            queues.check_backlog(seen, options.longest_wait),
        ]

    async def versioned() -> list[Checked]:
        return [await versions.check_versions(client, layout)]

    tell(await _guarded((temporal.VERSION,), version))
    tell(await _guarded(_OF_FAIRNESS, fair))
    tell(await _guarded(_OF_QUEUES, served))
    tell(await _guarded((versions.VERSIONS,), versioned))
    return slots


async def _guarded(
    names: tuple[str, ...], check: Callable[[], Awaitable[list[Checked]]]
) -> list[Checked]:
    """What the check found; when it cannot look, that is said of all that it would have told."""
    from temporalio.service import RPCError

    from temporal_common.errors import FleetError

    try:
        return await check()
    except (FleetError, RPCError) as error:
        return [unknown(name, explain(error).message) for name in names]


def _document(checks: list[Checked]) -> dict[str, Any]:
    return {
        "healthy": all(checked.verdict in (Verdict.OK, Verdict.LEFT_OUT) for checked in checks),
        "checks": [
            {
                "check": checked.check,
                "verdict": checked.verdict,
                "detail": checked.detail,
                "problems": [vars(problem) for problem in checked.problems],
            }
            for checked in checks
        ],
    }
