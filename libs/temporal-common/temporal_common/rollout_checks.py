"""What is refused before a deployment's work is moved, and why."""

from collections.abc import Sequence

from temporalio.client import Client

from temporal_common.deployments import Deployment, Version, VersionStatus
from temporal_common.errors import Refused
from temporal_common.version_state import VersionState, version_states
from temporal_common.versioning import BUILD_ID_VARIABLE, NAME_VARIABLE


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


class InvalidPercentage(Refused):
    """Not a share of a ramp."""


def check_percentage(percentage: float) -> float:
    """The percentage, if a ramp can have it. Raises InvalidPercentage."""
    if not 0.01 <= percentage <= 99.99:  # so is a NaN refused
        raise InvalidPercentage(
            f"{percentage:g} is not a ramp; valid: 0.01 to 99.99 (all is a promotion, nothing a "
            "rollback)"
        )
    return percentage


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
            f"no version of deployment {name!r} was current before {current.build_id!r}; for "
            "unversioned workers: temporal worker deployment set-current-version "
            f"--deployment-name {name} --unversioned"
        )
    if replaced.created > current.created:
        raise NothingToRollBack(
            f"the last change of deployment {name!r} went back already, from "
            f"{replaced.build_id!r} to {current.build_id!r}; name the version to make current "
            "by promoting it"
        )
    return replaced


def require_manager(client: Client, deployment: Deployment) -> None:
    """Raises ManagedElsewhere."""
    if deployment.manager and deployment.manager != client.identity:
        raise ManagedElsewhere(
            f"deployment {deployment.name!r} is managed by {deployment.manager!r}, and only that "
            "client may change it; to take it over: temporal worker deployment manager-identity "
            f"unset --deployment-name {deployment.name}"
        )


def require_no_other_ramp(deployment: Deployment, version: Version) -> None:
    """Raises AnotherRollout."""
    ramping = deployment.ramping
    if ramping and ramping is not version:
        raise AnotherRollout(
            f"{ramping.name} is ramping at {ramping.share:g} %; promote it or roll it back first"
        )


async def require_polled(
    client: Client, deployment: Deployment, version: Version, *, ignore_missing: bool
) -> tuple[str, ...]:
    """The version must poll each task queue that the current version serves; gives those that are
    missing and ignored.

    The server's own check is weaker: it does not say which queue is missing, and lets one pass that
    had no task for half a minute.

    Raises:
        NotPolled: names the queues. With `ignore_missing`, only if the version polls none at all.
        TemporalUnavailable: the server does not answer.
    """
    current = deployment.current
    state, *others = await version_states(client, [version, *([current] if current else [])])
    if not state.workers():
        raise NotPolled(
            f"no worker of {version.name} polls; start its workers first, with "
            f"{NAME_VARIABLE}={version.deployment} and {BUILD_ID_VARIABLE}={version.build_id}"
        )
    missing = tuple(queue for other in others for queue in missing_queues(state, other))
    if missing and not ignore_missing:
        raise NotPolled(
            f"{version.name} does not poll {listed(missing)}, which the current version serves; "
            "tasks there would wait until somebody does"
        )
    return missing


def missing_queues(state: VersionState, current: VersionState) -> list[str]:
    """The queues that the current version serves and this one does not poll, for people."""
    polled = {(queue.name, queue.type) for queue in state.polled()}
    return [
        f"{queue.name} ({queue.type})"
        for queue in current.served()
        if (queue.name, queue.type) not in polled
    ]


def require_unused(state: VersionState, pinned: int) -> None:
    """No work, no workers and no share of the new workflows.

    Raises:
        VersionInUse: names all of that.
    """
    version = state.version
    reasons: list[str] = []
    if version.status in (VersionStatus.CURRENT, VersionStatus.RAMPING):
        reasons.append(f"it is {version.status}, so it gets new workflows")
    if pinned:
        reasons.append(f"{pinned} pinned workflow{'s are' if pinned > 1 else ' is'} open on it")
    elif version.status is VersionStatus.DRAINING:
        reasons.append(
            "no pinned workflow is open on it, but the server, which looks every three minutes, "
            f"has not noticed yet (it looked at {version.drainage_checked:%H:%M:%S} UTC)"
        )
    if state.listed:
        verb = "polls" if len(state.listed) == 1 else "poll"
        reasons.append(
            f"{listed(sorted(state.listed))} {verb} for it, or did within the last five minutes; "
            "stop its workers when no workflow is open, and wait"
        )
    if reasons:
        raise VersionInUse(f"{version.name} is in use: {'; '.join(reasons)}")


def listed(names: Sequence[str], at_most: int = 5) -> str:
    """Names in a sentence, the first few of many."""
    more = f" and {len(names) - at_most} more" if len(names) > at_most else ""
    return ", ".join(names[:at_most]) + more
