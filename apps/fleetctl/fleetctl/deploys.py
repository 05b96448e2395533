"""`fleetctl deploy ramp`, `promote`, `rollback` and `retire`: what moves work between versions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from fleetctl import output
from fleetctl.arguments import AsJson, example
from fleetctl.session import connect, run

if TYPE_CHECKING:
    from temporalio.client import Client

    from temporal_common.deployments import Deployment, Version

DeploymentName: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="DEPLOYMENT", help="TEMPORAL_DEPLOYMENT_NAME of its workers, such as worker-tenant."
    ),
]
BuildId: TypeAlias = Annotated[
    str,
    typer.Argument(metavar="BUILD_ID", help="TEMPORAL_WORKER_BUILD_ID of the version's workers."),
]
IgnoreMissing: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--ignore-missing-task-queues",
        help="Also if the version does not poll every task queue that the current one serves.",
    ),
]


def ramp(
    deployment: DeploymentName,
    build_id: BuildId,
    percentage: Annotated[
        float,
        typer.Option(help="Share of the new workflows, 0.01 to 99.99.", metavar="N"),
    ],
    ignore_missing_task_queues: IgnoreMissing = False,
    as_json: AsJson = False,
) -> None:
    """Give a version a share of the new workflows; or change its share."""
    run(
        "deploy ramp",
        lambda: _ramp(
            deployment,
            build_id,
            percentage,
            ignore_missing=ignore_missing_task_queues,
            as_json=as_json,
        ),
    )


def promote(
    deployment: DeploymentName,
    build_id: BuildId,
    ignore_missing_task_queues: IgnoreMissing = False,
    as_json: AsJson = False,
) -> None:
    """Make a version current: it gets all new workflows, and those that are not pinned."""
    run(
        "deploy promote",
        lambda: _promote(
            deployment, build_id, ignore_missing=ignore_missing_task_queues, as_json=as_json
        ),
    )


def rollback(
    deployment: DeploymentName,
    ignore_missing_task_queues: IgnoreMissing = False,
    as_json: AsJson = False,
) -> None:
    """End the ramp; without one, make the version current that was so before."""
    run(
        "deploy rollback",
        lambda: _rollback(deployment, ignore_missing=ignore_missing_task_queues, as_json=as_json),
    )


def retire(deployment: DeploymentName, build_id: BuildId, as_json: AsJson = False) -> None:
    """Delete a version on which nothing runs and for which nobody polls."""
    run("deploy retire", lambda: _retire(deployment, build_id, as_json=as_json))


RAMP_EXAMPLES: Final = example("fleetctl deploy ramp worker-tenant 2026-11-24.1 --percentage 10")
PROMOTE_EXAMPLES: Final = example("fleetctl deploy promote worker-tenant 2026-11-24.1")
ROLLBACK_EXAMPLES: Final = example("fleetctl deploy rollback worker-tenant")
RETIRE_EXAMPLES: Final = example("fleetctl deploy retire worker-tenant 2026-11-17.3")


async def _ramp(
    name: str, build_id: str, percentage: float, *, ignore_missing: bool, as_json: bool
) -> None:
    from temporal_common import rollouts
    from temporal_common.rollout_checks import check_percentage

    check_percentage(percentage)  # before anything is connected
    client, deployment = await _open(name)
    change = await rollouts.ramp(
        client, deployment, build_id, percentage, ignore_missing_task_queues=ignore_missing
    )
    _warn(change.missing)
    await _settle(client, name)
    if as_json:
        output.document(
            {
                "deployment": name,
                "build_id": build_id,
                "percentage": percentage,
                "changed": change.changed,
            }
        )
        return
    rest = deployment.current.build_id if deployment.current else "unversioned workers"
    output.result(
        f"{name}: {build_id} gets {percentage:g} % of the new workflows"
        f"{'' if change.changed else ' already'}, {rest} the others\n"
        f"go on with: fleetctl deploy promote {name} {build_id}\n"
        f"go back with: fleetctl deploy rollback {name}"
    )


async def _promote(name: str, build_id: str, *, ignore_missing: bool, as_json: bool) -> None:
    from temporal_common import rollouts

    client, deployment = await _open(name)
    change = await rollouts.promote(
        client, deployment, build_id, ignore_missing_task_queues=ignore_missing
    )
    _warn(change.missing)
    await _settle(client, name)
    before = deployment.current if change.changed else None
    pinned = await _pinned(client, before)
    if as_json:
        output.document(
            {
                "deployment": name,
                "current": build_id,
                "changed": change.changed,
                "previous": before and before.build_id,
                "pinned_on_previous": pinned,
            }
        )
        return
    output.result(f"{name}: {build_id} is current{'' if change.changed else ' already'}")
    if before:
        left = before.build_id
        if pinned:
            output.result(_staying(pinned, before))
        output.result(
            f"when {left} is drained: fleetctl deploy retire {name} {left}\n"
            f"go back with: fleetctl deploy rollback {name}"
        )


async def _rollback(name: str, *, ignore_missing: bool, as_json: bool) -> None:
    from temporal_common import rollouts

    client, deployment = await _open(name)
    done = await rollouts.rollback(client, deployment, ignore_missing_task_queues=ignore_missing)
    _warn(done.missing)
    await _settle(client, name)
    pinned = await _pinned(client, done.left)
    if as_json:
        output.document(
            {
                "deployment": name,
                "current": done.current and done.current.build_id,
                "left": done.left.build_id,
                "ramp_ended": done.ramp_ended,
                "pinned_on_left": pinned,
            }
        )
        return
    left = done.left.build_id
    current = done.current.build_id if done.current else None
    output.result(
        f"{name}: the ramp of {left} is ended, {current or 'unversioned workers'} "
        f"{'gets' if current else 'get'} all new workflows"
        if done.ramp_ended
        else f"{name}: {current} is current again, in place of {left}"
    )
    if pinned:
        output.result(_staying(pinned, done.left))
        if current:
            output.result(
                f"to move them, if {current} can replay what {left} has done:\n"
                + _move(name, done.left, current)
            )


async def _retire(name: str, build_id: str, *, as_json: bool) -> None:
    from temporal_common import rollouts

    client, deployment = await _open(name)
    await rollouts.retire(client, deployment, build_id)
    if as_json:
        output.document({"deployment": name, "deleted": build_id})
    else:
        output.result(f"{name}: {build_id} is deleted")


async def _open(name: str) -> "tuple[Client, Deployment]":
    from temporal_common.deployments import describe_deployment

    client = (await connect()).client
    return client, await describe_deployment(client, name)


async def _settle(client: "Client", name: str) -> None:
    from temporal_common.rollouts import until_settled

    if not await until_settled(client, name):
        output.note(
            "fleetctl: it is stored, but not every task queue knows it yet; "
            f"look at it with: fleetctl deploy status {name}"
        )


async def _pinned(client: "Client", version: "Version | None") -> int:
    from temporal_common.version_state import PINNED, running

    return await running(client, version, PINNED) if version else 0


def _warn(missing: Sequence[str]) -> None:
    if missing:
        output.note(
            f"fleetctl: warning: nobody of this version polls {', '.join(missing)}; "
            "tasks there wait until somebody does"
        )


def _staying(pinned: int, version: "Version") -> str:
    if pinned == 1:
        return f"1 pinned workflow stays on {version.build_id}; keep its workers until it has ended"
    return (
        f"{pinned} pinned workflows stay on {version.build_id}; keep its workers until they have "
        "ended"
    )


def _move(name: str, left: "Version", current: str) -> str:
    from temporal_common.version_state import PINNED, running_query

    return (
        f'temporal workflow update-options --query "{running_query(left, PINNED)}" '
        "--versioning-override-behavior one_time "
        f"--versioning-override-deployment-name {name} --versioning-override-build-id {current}"
    )
