"""Worker Deployments and their versions, as the server describes them.

A *deployment* is a service (`TEMPORAL_DEPLOYMENT_NAME`), a *version* is one build of it
(`TEMPORAL_WORKER_BUILD_ID`). The server makes both when a versioned worker first polls, routes new
workflows to the *current* version and a share of them to a *ramping* one, and says when a version
that gets none any more is *drained*. What a version holds is in `temporal_common.version_state`,
what changes the routing in `temporal_common.rollouts`. https://docs.temporal.io/worker-versioning
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.deployment.v1 import RoutingConfig, WorkerDeploymentInfo
from temporalio.api.enums.v1 import RoutingConfigUpdateState, WorkerDeploymentVersionStatus
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    ListWorkerDeploymentsRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from temporal_common.client import ATTEMPT_TIMEOUT, rpc_errors_explained
from temporal_common.errors import Refused

SHARE_DIGITS: Final = 2
"""Decimal places of a share. The server keeps it in 32 bits, where 12.3 is 12.30000019."""


class DeploymentNotFound(Refused):
    """No versioned worker of that deployment has polled yet."""


class VersionNotFound(Refused):
    """No worker of that build has polled yet, or the version is deleted."""


class InvalidDeployment(Refused):
    """Cannot be the name of a deployment."""


class VersionStatus(StrEnum):
    """What the server does with a version."""

    CREATED = "created"
    """Made by a call; no worker has polled yet."""
    INACTIVE = "inactive"
    """Its workers poll; it has never been given work by the routing."""
    RAMPING = "ramping"
    """Gets a share of the new workflows."""
    CURRENT = "current"
    """Gets the new workflows, and those that move from version to version."""
    DRAINING = "draining"
    """Gets no new workflows; pinned ones may still run on it."""
    DRAINED = "drained"
    """No pinned workflow runs on it any more."""


@dataclass(frozen=True)
class Version:
    """One build of a deployment."""

    deployment: str
    build_id: str
    status: VersionStatus
    since: datetime
    """When it got this status."""
    created: datetime
    """When its first worker polled."""
    last_current: datetime | None
    """When it last became current; None if it never was."""
    share: float
    """Percentage of the new workflows that it gets, 0 to 100, to `SHARE_DIGITS`."""
    drainage_checked: datetime | None
    """When the server last looked whether it is drained. It looks every three minutes."""

    @property
    def name(self) -> str:
        """As the search attribute `TemporalWorkerDeploymentVersion` has it; the SDK's
        `to_canonical_string` writes a dot, which matches nothing there."""
        return f"{self.deployment}:{self.build_id}"


@dataclass(frozen=True)
class Deployment:
    """A deployment at one moment."""

    name: str
    versions: tuple[Version, ...]
    """The newest first."""
    manager: str
    """The only client that may change it, `""` for any: a controller enters itself here."""
    last_modifier: str
    settled: bool
    """Whether every task queue knows the routing."""
    conflict_token: bytes = field(repr=False)
    """Given to a change, it fails if somebody else made one after this description."""

    @property
    def current(self) -> Version | None:
        """None while unversioned workers get the new workflows."""
        return self._with(VersionStatus.CURRENT)

    @property
    def ramping(self) -> Version | None:
        return self._with(VersionStatus.RAMPING)

    def version(self, build_id: str) -> Version:
        """Raises VersionNotFound, with the versions that there are."""
        for version in self.versions:
            if version.build_id == build_id:
                return version
        known = ", ".join(version.build_id for version in self.versions) or "none"
        raise VersionNotFound(
            f"deployment {self.name!r} has no version {build_id!r}; there is: {known} "
            "(a version is there when its first worker has polled)"
        )

    def _with(self, status: VersionStatus) -> Version | None:
        return next((version for version in self.versions if version.status is status), None)


async def deployment_names(client: Client) -> list[str]:
    """All deployments of the namespace. Raises TemporalUnavailable."""
    names: list[str] = []
    token = b""
    while True:
        with rpc_errors_explained(client):
            page = await client.workflow_service.list_worker_deployments(
                ListWorkerDeploymentsRequest(namespace=client.namespace, next_page_token=token),
                retry=True,
                timeout=ATTEMPT_TIMEOUT,
            )
        names += [deployment.name for deployment in page.worker_deployments]
        token = page.next_page_token
        if not token:
            return sorted(names)


async def describe_deployment(client: Client, name: str) -> Deployment:
    """A deployment with its versions, in one call.

    Raises:
        DeploymentNotFound, InvalidDeployment, TemporalUnavailable
    """
    try:
        with rpc_errors_explained(client):
            answer = await client.workflow_service.describe_worker_deployment(
                DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=name),
                retry=True,
                timeout=ATTEMPT_TIMEOUT,
            )
    except RPCError as error:
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            raise InvalidDeployment(f"{name!r} is no deployment: {error.message}") from None
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        raise DeploymentNotFound(
            f"namespace {client.namespace!r} has no deployment {name!r}; it is there when a worker "
            f"with TEMPORAL_DEPLOYMENT_NAME={name} and a TEMPORAL_WORKER_BUILD_ID has polled"
        ) from None
    info = answer.worker_deployment_info
    return Deployment(
        name=info.name,
        versions=tuple(
            sorted(
                (_version(info, summary) for summary in info.version_summaries),
                key=lambda version: version.created,
                reverse=True,
            )
        ),
        manager=info.manager_identity,
        last_modifier=info.last_modifier_identity,
        settled=info.routing_config_update_state
        != RoutingConfigUpdateState.ROUTING_CONFIG_UPDATE_STATE_IN_PROGRESS,
        conflict_token=answer.conflict_token,
    )


def _version(
    info: WorkerDeploymentInfo, summary: WorkerDeploymentInfo.WorkerDeploymentVersionSummary
) -> Version:
    status = _STATUSES.get(summary.status, VersionStatus.INACTIVE)
    drainage = summary.drainage_info
    match status:
        case VersionStatus.CURRENT:
            since = summary.current_since_time
        case VersionStatus.RAMPING:
            since = summary.ramping_since_time
        case VersionStatus.DRAINING | VersionStatus.DRAINED:
            since = drainage.last_changed_time
        case _:
            since = summary.create_time
    return Version(
        deployment=info.name,
        build_id=summary.deployment_version.build_id,
        status=status,
        since=_time(since),
        created=_time(summary.create_time),
        last_current=(
            _time(summary.last_current_time) if summary.HasField("last_current_time") else None
        ),
        share=_share(status, info.routing_config),
        drainage_checked=(
            _time(drainage.last_checked_time) if status is VersionStatus.DRAINING else None
        ),
    )


def _share(status: VersionStatus, routing: RoutingConfig) -> float:
    ramp: float = round(routing.ramping_version_percentage, SHARE_DIGITS)
    match status:
        case VersionStatus.CURRENT:
            return round(100 - ramp, SHARE_DIGITS)
        case VersionStatus.RAMPING:
            return ramp
        case _:
            return 0.0


def _time(timestamp: Timestamp) -> datetime:
    return timestamp.ToDatetime(UTC)


_STATUSES: Final = {
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_CREATED: VersionStatus.CREATED,
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_INACTIVE: VersionStatus.INACTIVE,
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_RAMPING: VersionStatus.RAMPING,
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_CURRENT: VersionStatus.CURRENT,
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINING: VersionStatus.DRAINING,
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINED: VersionStatus.DRAINED,
}
