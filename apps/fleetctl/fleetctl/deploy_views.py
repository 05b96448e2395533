"""`fleetctl deploy status`: the versions of a deployment, what they hold and what is wrong."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from fleetctl import output
from fleetctl.arguments import AsJson, example
from fleetctl.durations import format_duration
from fleetctl.session import connect, run

if TYPE_CHECKING:
    from temporalio.client import Client

    from temporal_common.deployments import Deployment, Version
    from temporal_common.version_state import VersionQueue, VersionState

_STYLES: Final = {
    "current": "green",
    "ramping": "cyan",
    "draining": "yellow",
    "drained": "dim",
    "inactive": "",
    "created": "dim",
}
_UNKNOWN: Final = "?"


def status(
    deployment: Annotated[
        str | None,
        typer.Argument(metavar="[DEPLOYMENT]", help="One deployment; all of them by default."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the versions of a deployment: their share of new workflows, work and workers."""
    run("deploy status", lambda: _status(deployment, as_json=as_json))


STATUS_EXAMPLES: Final = example(
    "fleetctl deploy status",
    "fleetctl deploy status worker-tenant",
    "fleetctl deploy status worker-tenant --json | jq -r '.deployments[].current'",
)


@dataclass(frozen=True)
class _Held:
    """A version with all that is known of it."""

    version: "Version"
    state: "VersionState"
    pinned: int
    auto_upgrade: int
    """Auto-upgrade workflows whose last task it ran."""


@dataclass(frozen=True)
class _View:
    deployment: "Deployment"
    versions: tuple[_Held, ...]

    @property
    def findings(self) -> list[str]:
        """What keeps work waiting, or would after a promotion; and what can go."""
        found = [finding for held in self.versions for finding in _findings(held)]
        current = next((h for h in self.versions if h.version is self.deployment.current), None)
        if current is None:
            return found
        return found + [
            f"{held.version.build_id} does not poll {', '.join(missing)}, which the current "
            "version serves"
            for held in self.versions
            if held.version.status in ("ramping", "inactive")
            and held.state.workers()
            and (missing := _missing(held, current))
        ]


async def _status(name: str | None, *, as_json: bool) -> None:
    from temporal_common.deployments import deployment_names

    client = (await connect()).client
    names = await deployment_names(client) if name is None else [name]
    views = [await _view(client, name) for name in names]
    if as_json:
        output.document({"deployments": [_as_json(view) for view in views]})
    elif not views:
        output.note(
            f"namespace {client.namespace} has no deployment; one is there when a worker with "
            "TEMPORAL_DEPLOYMENT_NAME and TEMPORAL_WORKER_BUILD_ID has polled"
        )
    elif name is None:
        _write_all(views)
    else:
        _write_one(views[0])


async def _view(client: "Client", name: str) -> _View:
    from temporal_common.deployments import describe_deployment
    from temporal_common.version_state import AUTO_UPGRADE, PINNED, each, running, version_states

    deployment = await describe_deployment(client, name)
    versions = deployment.versions
    states = await version_states(client, versions)
    pinned = await each(versions, lambda version: running(client, version, PINNED))
    auto_upgrade = await each(versions, lambda version: running(client, version, AUTO_UPGRADE))
    return _View(
        deployment,
        tuple(_Held(*held) for held in zip(versions, states, pinned, auto_upgrade, strict=True)),
    )


def _findings(held: _Held) -> list[str]:
    build_id, status = held.version.build_id, held.version.status
    if not held.state.workers():
        if held.pinned:
            return [f"{held.pinned} pinned on {build_id}, and no worker of it runs: start some"]
        if status in ("current", "ramping"):
            return [f"{build_id} is {status}, and no worker of it runs: start some, or roll back"]
    if status == "drained" and not held.pinned and not held.state.listed:
        return [f"{build_id} can go: fleetctl deploy retire {held.version.deployment} {build_id}"]
    return []


def _missing(held: _Held, current: _Held) -> list[str]:
    from temporal_common.rollout_checks import missing_queues

    return missing_queues(held.state, current.state)


def _write_all(views: Sequence[_View]) -> None:
    rows = [(view, held) for view in views for held in view.versions]
    output.table(
        ["deployment", *_COLUMNS],
        [[view.deployment.name, *_row(held)] for view, held in rows],
        styles=[_STYLES[held.version.status] for _, held in rows],
    )
    for view in views:
        for finding in view.findings:
            output.note(f"{view.deployment.name}: {finding}")


def _write_one(view: _View) -> None:
    deployment = view.deployment
    output.result(
        output.facts(
            [
                ("deployment", deployment.name),
                ("changed by", deployment.last_modifier),
                ("managed by", deployment.manager),
                ("routing", "" if deployment.settled else "on its way to the task queues"),
            ]
        )
    )
    output.table(
        _COLUMNS,
        [_row(held) for held in view.versions],
        styles=[_STYLES[held.version.status] for held in view.versions],
    )
    queues = [
        (held, name) for held in view.versions for name in sorted({q.name for q in _used(held)})
    ]
    if queues:
        output.table(
            ["task queue", "build id", *_POLLERS, "backlog", "oldest"],
            [_queue_row(held, name) for held, name in queues],
            styles=[_STYLES[held.version.status] for held, _ in queues],
        )
    for finding in view.findings:
        output.note(finding)


_COLUMNS: Final = (
    *("build id", "status", "share", "for", "pinned", "auto-upgrade", "workers", "backlog"),
)
_POLLERS: Final = ("workflow pollers", "activity pollers")


def _row(held: _Held) -> list[str]:
    version, backlog = held.version, held.state.backlog
    return [
        version.build_id,
        version.status,
        f"{version.share:g} %" if version.status in ("current", "ramping") else "",
        _age(version.since),
        str(held.pinned),
        str(held.auto_upgrade),
        str(len(held.state.workers())),
        _UNKNOWN if backlog is None else str(backlog),
    ]


def _age(since: datetime) -> str:
    """To two units: `2d4h`, `3m12s`."""
    age = format_duration(datetime.now(UTC) - since)
    return "".join(re.findall(r"\d+[dhms]", age)[:2])


def _used(held: _Held) -> "list[VersionQueue]":
    return [queue for queue in held.state.queues if queue.pollers or queue.backlog]


def _queue_row(held: _Held, name: str) -> list[str]:
    workers = held.state.workers()
    queues = [queue for queue in held.state.queues if queue.name == name]
    polls = {
        f"{queue.type} pollers": sum(poller.identity in workers for poller in queue.pollers)
        for queue in queues
    }
    backlogs = [queue.backlog for queue in queues if queue.backlog is not None]
    oldest = max((q.backlog_age for q in queues if q.backlog and q.backlog_age), default=None)
    return [
        name,
        held.version.build_id,
        *(str(polls.get(column, 0)) for column in _POLLERS),
        str(sum(backlogs)) if len(backlogs) == len(queues) else _UNKNOWN,
        format_duration(oldest) if oldest else "",
    ]


def _as_json(view: _View) -> dict[str, Any]:
    deployment = view.deployment
    return {
        "name": deployment.name,
        "current": deployment.current and deployment.current.build_id,
        "ramping": deployment.ramping and deployment.ramping.build_id,
        "manager": deployment.manager or None,
        "last_modifier": deployment.last_modifier or None,
        "settled": deployment.settled,
        "versions": [_version_as_json(held) for held in view.versions],
        "findings": view.findings,
    }


def _version_as_json(held: _Held) -> dict[str, Any]:
    version, state = held.version, held.state
    return {
        "build_id": version.build_id,
        "status": version.status,
        "since": version.since,
        "share": version.share,
        "created": version.created,
        "last_current": version.last_current,
        "pinned": held.pinned,
        "auto_upgrade": held.auto_upgrade,
        "workers": sorted(state.workers()),
        "backlog": state.backlog,
        "task_queues": [
            {
                "name": queue.name,
                "type": queue.type,
                "pollers": [
                    {"identity": poller.identity, "last_poll": poller.last_access}
                    for poller in queue.pollers
                ],
                "backlog": queue.backlog,
                "oldest_seconds": (
                    queue.backlog_age.total_seconds() if queue.backlog_age is not None else None
                ),
            }
            for queue in state.queues
        ],
    }
