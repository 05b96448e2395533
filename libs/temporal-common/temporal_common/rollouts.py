"""Moving a deployment's work from version to version, and what is refused on the way.

Every function takes a `Deployment` as it was described and changes nothing if somebody else has
changed it since. What is asked for already is no error: the function says that it changed nothing.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final

from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.workflowservice.v1 import (
    DeleteWorkerDeploymentVersionRequest,
    SetWorkerDeploymentCurrentVersionRequest,
    SetWorkerDeploymentRampingVersionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from temporal_common.client import ATTEMPT_TIMEOUT, rpc_errors_explained
from temporal_common.deployments import (
    SHARE_DIGITS,
    Deployment,
    Version,
    VersionStatus,
    describe_deployment,
)
from temporal_common.errors import Refused
from temporal_common.rollout_checks import (
    VersionInUse,
    check_percentage,
    previous,
    require_manager,
    require_no_other_ramp,
    require_polled,
    require_unused,
)
from temporal_common.version_state import PINNED, running, version_states

# Between two questions whether the task queues know a new routing.
_AGAIN: Final = 0.1

_TOKEN_MISMATCH: Final = "conflict token mismatch"


class DeploymentChanged(Refused):
    """Somebody else changed the deployment meanwhile."""


class RolloutRefused(Refused):
    """The server refuses a change that nothing here objects to."""


@dataclass(frozen=True)
class Change:
    """What became of a request."""

    changed: bool
    """False if it was so already."""
    missing: tuple[str, ...] = ()
    """Task queues that the version does not poll, which was to be ignored."""


@dataclass(frozen=True)
class Rollback:
    """What a rollback did."""

    left: Version
    """The version that gets no new workflows any more."""
    current: Version | None
    """The version that gets them now; None for unversioned workers."""
    ramp_ended: bool
    """Whether `left` was ramping; else it was current."""
    missing: tuple[str, ...] = ()
    """As in `Change`."""


async def ramp(
    client: Client,
    deployment: Deployment,
    build_id: str,
    percentage: float,
    *,
    ignore_missing_task_queues: bool = False,
) -> Change:
    """Gives a version a share of the new workflows.

    Auto-upgrade workflows move to it by the same share, chosen by a hash of their ids.

    Raises:
        VersionNotFound, VersionInUse: it is current already.
        AnotherRollout: another version is ramping.
        NotPolled: it does not poll every task queue that the current version serves.
        InvalidPercentage, ManagedElsewhere, DeploymentChanged, RolloutRefused, TemporalUnavailable
    """
    check_percentage(percentage)
    version = deployment.version(build_id)
    require_manager(client, deployment)
    if version.status is VersionStatus.CURRENT:
        raise VersionInUse(f"{version.name} is current: it gets all new workflows already")
    require_no_other_ramp(deployment, version)
    missing = await require_polled(
        client, deployment, version, ignore_missing=ignore_missing_task_queues
    )
    if version.status is VersionStatus.RAMPING and version.share == round(percentage, SHARE_DIGITS):
        return Change(False, missing)
    await _set_ramping(
        client, deployment, build_id, percentage, ignore_missing=ignore_missing_task_queues
    )
    return Change(True, missing)


async def promote(
    client: Client,
    deployment: Deployment,
    build_id: str,
    *,
    ignore_missing_task_queues: bool = False,
) -> Change:
    """Makes a version current, which ends its ramp.

    Raises:
        VersionNotFound, AnotherRollout, NotPolled: as `ramp`.
        ManagedElsewhere, DeploymentChanged, RolloutRefused, TemporalUnavailable
    """
    version = deployment.version(build_id)
    require_manager(client, deployment)
    require_no_other_ramp(deployment, version)
    if version.status is VersionStatus.CURRENT:
        return Change(False)
    missing = await require_polled(
        client, deployment, version, ignore_missing=ignore_missing_task_queues
    )
    await _set_current(client, deployment, build_id, ignore_missing=ignore_missing_task_queues)
    return Change(True, missing)


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
    require_manager(client, deployment)
    if deployment.ramping:
        await _set_ramping(client, deployment, "", 0, ignore_missing=False)
        # The server takes this for done, without a look at the token, when there is no ramp any
        # more: also when the version has been promoted in between.
        after = await describe_deployment(client, deployment.name)
        if _build_id(after.current) != _build_id(deployment.current):
            raise _changed(deployment)
        return Rollback(deployment.ramping, deployment.current, ramp_ended=True)
    current, before = deployment.current, previous(deployment)
    assert current is not None, "what has no current version has none before it"
    missing = await require_polled(
        client, deployment, before, ignore_missing=ignore_missing_task_queues
    )
    await _set_current(
        client, deployment, before.build_id, ignore_missing=ignore_missing_task_queues
    )
    return Rollback(current, before, ramp_ended=False, missing=missing)


async def retire(client: Client, deployment: Deployment, build_id: str) -> None:
    """Deletes a version that has no work and no workers.

    Raises:
        VersionNotFound
        VersionInUse: it gets new workflows, workflows are open on it, or workers of it are listed;
            the message names all of that.
        ManagedElsewhere, RolloutRefused, TemporalUnavailable
    """
    version = deployment.version(build_id)
    require_manager(client, deployment)
    [state] = await version_states(client, [version])
    require_unused(state, await running(client, version, PINNED))
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
            while not (await describe_deployment(client, name)).settled:  # noqa: ASYNC110
                await asyncio.sleep(_AGAIN)
    except TimeoutError:
        return False
    return True


async def _set_ramping(
    client: Client,
    deployment: Deployment,
    build_id: str,
    percentage: float,
    *,
    ignore_missing: bool,
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
                ignore_missing_task_queues=ignore_missing,
            ),
            timeout=ATTEMPT_TIMEOUT,
        ),
        client,
        deployment,
    )


async def _set_current(
    client: Client, deployment: Deployment, build_id: str, *, ignore_missing: bool
) -> None:
    await _change(
        client.workflow_service.set_worker_deployment_current_version(
            SetWorkerDeploymentCurrentVersionRequest(
                namespace=client.namespace,
                deployment_name=deployment.name,
                build_id=build_id,
                conflict_token=deployment.conflict_token,
                identity=client.identity,
                ignore_missing_task_queues=ignore_missing,
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
            raise _changed(deployment) from None
        raise RolloutRefused(f"the server refuses it: {error.message}") from None


def _changed(deployment: Deployment) -> DeploymentChanged:
    return DeploymentChanged(
        f"deployment {deployment.name!r} was changed by somebody else meanwhile; nothing was "
        "changed by this attempt"
    )


def _build_id(version: Version | None) -> str | None:
    return version.build_id if version else None
