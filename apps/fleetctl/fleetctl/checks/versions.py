"""Whether the versions of the fleet's deployments that get work have workers."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from fleetctl.checks.verdicts import Checked, Problem, judged, left_out

if TYPE_CHECKING:
    from temporalio.client import Client

    from temporal_common.deployments import Deployment, Version
    from temporal_common.queues import QueueLayout
    from temporal_common.version_state import VersionState

VERSIONS: Final = "versions"


async def check_versions(client: "Client", layout: "QueueLayout") -> Checked:
    """Of every deployment that has polled one of the fleet's task queues.

    Raises:
        TemporalUnavailable, RPCError
    """
    from temporal_common.deployments import deployment_names, describe_deployment
    from temporal_common.version_state import version_states

    problems: list[Problem] = []
    seen: list[str] = []
    for name in await deployment_names(client):
        deployment = await describe_deployment(client, name)
        states = await version_states(client, _that_matter(deployment))
        ours = {
            queue.name
            for state in states
            for queue in state.queues
            if queue.name.startswith(f"{layout.prefix}.")
        }
        if not ours:
            continue
        current = deployment.current
        seen.append(f"{name}: {current.build_id if current else 'none'} is current")
        problems += _without_workers(deployment, states)
        if current is None:
            problems += await _without_current(client, deployment, states)
    if not seen:
        return left_out(VERSIONS, "no deployment polls the fleet's task queues (no versioning)")
    return judged(VERSIONS, "; ".join(seen), problems)


def _that_matter(deployment: "Deployment") -> list["Version"]:
    """Without those that nothing runs on any more."""
    from temporal_common.deployments import VersionStatus

    return [v for v in deployment.versions if v.status is not VersionStatus.DRAINED]


def _without_workers(deployment: "Deployment", states: list["VersionState"]) -> Iterator[Problem]:
    """Versions that get new workflows, and do not poll."""
    for state in states:
        version = state.version
        if version.share and not state.workers():
            yield Problem(
                f"{version.name} is {version.status} and gets {version.share:g} % of the new "
                "workflows, and no worker of it polls",
                f"deployment {deployment.name}",
                f"start its workers, with TEMPORAL_DEPLOYMENT_NAME={deployment.name} and "
                f"TEMPORAL_WORKER_BUILD_ID={version.build_id}, or take the work back: "
                f"fleetctl deploy rollback {deployment.name}",
            )


async def _without_current(
    client: "Client", deployment: "Deployment", states: list["VersionState"]
) -> list[Problem]:
    """Workers of versions only, none of which gets new workflows: these then wait for unversioned
    workers."""
    polled = [state for state in states if state.workers()]
    queues = sorted({queue.name for state in polled for queue in state.polled()})
    waiting = [name for name in queues if not await _has_unversioned_poller(client, name)]
    if not waiting:
        return []
    return [
        Problem(
            f"deployment {deployment.name} has no current version, and only versioned workers "
            f"poll {', '.join(waiting)}: new workflows wait there",
            f"deployment {deployment.name}",
            f"fleetctl deploy promote {deployment.name} {polled[0].version.build_id}",
        )
    ]


async def _has_unversioned_poller(client: "Client", queue: str) -> bool:
    from datetime import UTC, datetime

    from temporalio.api.enums.v1 import WorkerVersioningMode

    from temporal_common.queue_state import (
        POLL_RENEWED_WITHIN,
        WORKFLOW,
        describe_task_queue,
    )

    oldest = datetime.now(UTC) - POLL_RENEWED_WITHIN
    versioned = WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED
    return any(
        poller.deployment_options.worker_versioning_mode != versioned
        and poller.last_access_time.ToDatetime(tzinfo=UTC) >= oldest
        for poller in (await describe_task_queue(client, queue, WORKFLOW)).pollers
    )
