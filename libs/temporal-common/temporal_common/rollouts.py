"""Moving a deployment's work from version to version, and what is refused on the way.

Every function takes a `Deployment` as it was described and changes nothing if somebody else has
changed it since. What is asked for already is no error: the function says that it changed nothing.
"""

import asyncio
import math
import struct
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Final

from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.workflowservice.v1 import (
    DeleteWorkerDeploymentVersionRequest,
    SetWorkerDeploymentCurrentVersionRequest,
    SetWorkerDeploymentRampingVersionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from temporal_common.client import ATTEMPT_TIMEOUT, rpc_errors_explained
from temporal_common.deployments import Deployment, Version, VersionStatus, describe_deployment
from temporal_common.errors import Refused
from temporal_common.version_state import VersionState, version_states

_AGAIN: Final = 0.1
_TOKEN_MISMATCH: Final = "conflict token mismatch"
POLLER_MEMORY: Final = "the server lists a worker for five minutes after its last poll"


class DeploymentChanged(Refused):
    """Somebody else changed the deployment meanwhile."""


class ManagedElsewhere(Refused):
    """Another client has entered itself as the only one that may change the deployment."""


class AnotherRollout(Refused):
    """Another version is ramping."""


class NotPolled(Refused):
    """The version does not poll what it would have to serve."""


class NothingToRollBack(Refused):
    """There is no version to go back to, or it is not clear which one."""


class VersionInUse(Refused):
    """The version has work, workers, or a share of the new workflows."""


class RolloutRefused(Refused):
    """The server refuses a change that nothing here objects to."""


class InvalidPercentage(Refused):
    """Not a share of a ramp."""


@dataclass(frozen=True)
class Rollback:
    """What a rollback did."""

    left: Version
    """The version that gets no new workflows any more."""
    current: Version | None
    """The version that gets them now; None for unversioned workers."""
    ramp_ended: bool
    """Whether `left` was ramping; else it was current."""


def check_percentage(percentage: float) -> float:
    """The percentage, if a ramp can have it. Raises InvalidPercentage."""
    if not math.isfinite(percentage) or not 0 < percentage < 100:
        raise InvalidPercentage(
            f"{percentage:g} is not a ramp; valid: more than 0 and less than 100 "
            "(all is a promotion, nothing a rollback)"
        )
    return percentage


async def ramp(
    client: Client,
    deployment: Deployment,
    build_id: str,
    percentage: float,
    *,
    ignore_missing_task_queues: bool = False,
) -> bool:
    """Gives a version a share of the new workflows; says whether that was a change.

    Auto-upgrade workflows move to it by the same share, chosen by a hash of their ids.

    Raises:
        VersionNotFound, VersionInUse: it is current already.
        AnotherRollout: another version is ramping.
        NotPolled: it does not poll every task queue that the current version serves.
        InvalidPercentage, ManagedElsewhere, DeploymentChanged, RolloutRefused, TemporalUnavailable
    """
    check_percentage(percentage)
    version = deployment.version(build_id)
    _require_manager(client, deployment)
    if version.status is VersionStatus.CURRENT:
        raise VersionInUse(f"{version.name} is current: it gets all new workflows already")
    _require_no_other_ramp(deployment, version)
    await _require_polled(client, deployment, version, ignore=ignore_missing_task_queues)
    if version.status is VersionStatus.RAMPING and version.share == _as_float32(percentage):
        return False
    await _set_ramping(
        client, deployment, build_id, percentage, ignore=ignore_missing_task_queues
    )
    return True


async def promote(
    client: Client,
    deployment: Deployment,
    build_id: str,
    *,
    ignore_missing_task_queues: bool = False,
) -> bool:
    """Makes a version current, which ends its ramp; says whether that was a change.

    Raises:
        VersionNotFound, AnotherRollout, NotPolled: as `ramp`.
        ManagedElsewhere, DeploymentChanged, RolloutRefused, TemporalUnavailable
    """
    version = deployment.version(build_id)
    _require_manager(client, deployment)
    _require_no_other_ramp(deployment, version)
    if version.status is VersionStatus.CURRENT:
        return False
    await _require_polled(client, deployment, version, ignore=ignore_missing_task_queues)
    await _set_current(client, deployment, build_id, ignore=ignore_missing_task_queues)
    return True


async def rollback(
    client: Client, deployment: Deployment, *, ignore_missing_task_queues: bool = False
) -> Rollback:
    """Ends the ramp if there is one; else makes the version current again that the current one
    replaced.

    Pinned workflows stay where they are.

    Raises:
        NothingToRollBack: no version was current before, or the last change was a rollback.
        NotPolled: the version before does not poll every task queue that the current one serves.
        ManagedElsewhere, DeploymentChanged, RolloutRefused, TemporalUnavailable
    """
    _require_manager(client, deployment)
    if deployment.ramping:
        await _set_ramping(client, deployment, "", 0, ignore=False)
        return Rollback(deployment.ramping, deployment.current, ramp_ended=True)
    current, before = deployment.current, previous(deployment)
    assert current is not None, "what has no current version has none before it"
    await _require_polled(client, deployment, before, ignore=ignore_missing_task_queues)
    await _set_current(client, deployment, before.build_id, ignore=ignore_missing_task_queues)
    return Rollback(current, before, ramp_ended=False)


def previous(deployment: Deployment) -> Version:
    """The version that was current before the current one.

    Raises:
        NothingToRollBack: there is none; or the current version is older than the one it replaced.
            Then the last change was a rollback already, and the next would bring the version back
            that somebody has just taken away.
    """
    name, current = deployment.name, deployment.current
    if current is None:
        raise NothingToRollBack(f"deployment {name!r} has no current version and no ramp")
    replaced = max(
        (v for v in deployment.versions if v is not current and v.last_current is not None),
        key=lambda version: version.last_current or version.created,
        default=None,
    )
    if replaced is None:
        raise NothingToRollBack(
            f"no version of deployment {name!r} was current before {current.build_id!r}"
        )
    if replaced.created > current.created:
        raise NothingToRollBack(
            f"the last change of deployment {name!r} went back already, from "
            f"{replaced.build_id!r} to {current.build_id!r}; name the version to make current "
            "by promoting it"
        )
    return replaced


async def retire(client: Client, deployment: Deployment, build_id: str) -> None:
    """Deletes a version that has no work and no workers.

    Raises:
        VersionNotFound
        VersionInUse: it gets new workflows, workflows are open on it, or workers of it are listed;
            the message names all of that.
        ManagedElsewhere, RolloutRefused, TemporalUnavailable
    """
    version = deployment.version(build_id)
    _require_manager(client, deployment)
    [state] = await version_states(client, [version])
    if obstacles := _obstacles(state):
        raise VersionInUse(f"{version.name} cannot be retired: {'; '.join(obstacles)}")
    # Never skip_drainage: the server then deletes a version under its open workflows.
    await _change(
        client.workflow_service.delete_worker_deployment_version(
            DeleteWorkerDeploymentVersionRequest(
                namespace=client.namespace,
                deployment_version=WorkerDeploymentVersion(
                    deployment_name=version.deployment, build_id=build_id
                ),
                identity=client.identity,
            ),
            timeout=ATTEMPT_TIMEOUT,
        ),
        client,
        deployment,
    )


async def until_settled(client: Client, name: str, *, within: float = 10) -> bool:
    """Waits until every task queue knows the routing, `within` seconds; says whether they do.

    A change is stored at once and reaches the task queues a moment later.
    """
    try:
        async with asyncio.timeout(within):
            while not (await describe_deployment(client, name)).settled:
                await asyncio.sleep(_AGAIN)
    except TimeoutError:
        return False
    return True


def _obstacles(state: VersionState) -> list[str]:
    version = state.version
    found: list[str] = []
    if version.status in (VersionStatus.CURRENT, VersionStatus.RAMPING):
        found.append(f"it is {version.status}, so it gets new workflows")
    if state.pinned:
        found.append(f"{_workflows(state.pinned, 'pinned ')} still open on it")
    elif version.status is VersionStatus.DRAINING:
        found.append(
            f"no pinned workflow is open on it, but the server has not looked since "
            f"{version.drainage_checked:%H:%M:%S} UTC, which it does every three minutes"
        )
    if state.pollers:
        found.append(
            f"{_listed(sorted(state.pollers))} still polls for it; stop its workers "
            f"({POLLER_MEMORY})"
        )
    return found


def _require_manager(client: Client, deployment: Deployment) -> None:
    if deployment.manager and deployment.manager != client.identity:
        raise ManagedElsewhere(
            f"deployment {deployment.name!r} is managed by {deployment.manager!r}, and only that "
            "client may change it; take it over with: temporal worker deployment manager-identity "
            f"unset --deployment-name {deployment.name}"
        )


def _require_no_other_ramp(deployment: Deployment, version: Version) -> None:
    ramping = deployment.ramping
    if ramping and ramping is not version:
        raise AnotherRollout(
            f"{ramping.name} is ramping at {ramping.share:g} %; promote it or roll it back first"
        )


async def _require_polled(
    client: Client, deployment: Deployment, version: Version, *, ignore: bool
) -> None:
    """That the version polls each task queue that the current version serves.

    The server's own check is weaker: it lets a queue go that has had no task for half a minute.
    """
    current = deployment.current
    states = await version_states(client, [version, *([current] if current else [])])
    polled = {(queue.name, queue.type) for queue in states[0].queues if queue.pollers}
    if not polled:
        raise NotPolled(
            f"no worker of {version.name} polls; start its workers first, with "
            f"TEMPORAL_DEPLOYMENT_NAME={version.deployment} and "
            f"TEMPORAL_WORKER_BUILD_ID={version.build_id}"
        )
    missing = [
        queue.label
        for state in states[1:]
        for queue in served(state)
        if (queue.name, queue.type) not in polled
    ]
    if missing and not ignore:
        raise NotPolled(
            f"{version.name} does not poll {_listed(missing)}, which the current version "
            f"{states[1].version.build_id!r} serves; work on it would wait for ever"
        )


def served(state: VersionState) -> "list[Any]":
    """The queues that a version has to do with now: polled by it or holding tasks for it. When no
    worker of it polls at all, every queue that it has ever polled."""
    if not state.pollers:
        return list(state.queues)
    return [queue for queue in state.queues if queue.pollers or queue.backlog]


async def _set_ramping(
    client: Client, deployment: Deployment, build_id: str, percentage: float, *, ignore: bool
) -> None:
    await _change(
        client.workflow_service.set_worker_deployment_ramping_version(
            SetWorkerDeploymentRampingVersionRequest(
                namespace=client.namespace,
                deployment_name=deployment.name,
                build_id=build_id,
                percentage=percentage,
                conflict_token=deployment.conflict_token,
                identity=client.identity,
                ignore_missing_task_queues=ignore,
            ),
            timeout=ATTEMPT_TIMEOUT,
        ),
        client,
        deployment,
    )


async def _set_current(
    client: Client, deployment: Deployment, build_id: str, *, ignore: bool
) -> None:
    await _change(
        client.workflow_service.set_worker_deployment_current_version(
            SetWorkerDeploymentCurrentVersionRequest(
                namespace=client.namespace,
                deployment_name=deployment.name,
                build_id=build_id,
                conflict_token=deployment.conflict_token,
                identity=client.identity,
                ignore_missing_task_queues=ignore,
            ),
            timeout=ATTEMPT_TIMEOUT,
        ),
        client,
        deployment,
    )


async def _change(call: Awaitable[object], client: Client, deployment: Deployment) -> None:
    """Without the SDK's retries: a second attempt would meet the conflict of the first one."""
    try:
        with rpc_errors_explained(client):
            await call
    except RPCError as error:
        if error.status is not RPCStatusCode.FAILED_PRECONDITION:
            raise
        if _TOKEN_MISMATCH in error.message:
            raise DeploymentChanged(
                f"deployment {deployment.name!r} was changed by somebody else meanwhile; nothing "
                "was changed by this attempt"
            ) from None
        raise RolloutRefused(f"the server refuses it: {error.message}") from None


def _as_float32(number: float) -> float:
    """As the server stores a percentage."""
    rounded: float = struct.unpack("f", struct.pack("f", number))[0]
    return rounded


def _workflows(count: int, kind: str = "") -> str:
    return f"{count} {kind}workflow is" if count == 1 else f"{count} {kind}workflows are"


def _listed(names: list[str], at_most: int = 5) -> str:
    more = f" and {len(names) - at_most} more" if len(names) > at_most else ""
    return ", ".join(names[:at_most]) + more
