"""What a version of a deployment holds: pollers, waiting tasks and running workflows."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsRequest,
    DescribeTaskQueueRequest,
    DescribeWorkerDeploymentVersionRequest,
    DescribeWorkerDeploymentVersionResponse,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from temporal_common.client import ATTEMPT_TIMEOUT, rpc_errors_explained
from temporal_common.deployments import Version, VersionNotFound

# Calls at a time. The server allows 50 reads of deployments and 10 visibility queries a second in a
# namespace, and others want some of them.
_AT_A_TIME: Final = 4

_Key = tuple[str, TaskQueueType.ValueType]
_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass(frozen=True, order=True)
class Poller:
    """A worker that polls a task queue. The server lists it for five minutes after its last poll,
    so one that has just gone is among them."""

    identity: str
    last_poll: datetime


@dataclass(frozen=True)
class VersionQueue:
    """A task queue that a version has polled at any time, for one type of task."""

    name: str
    type: str
    """`workflow`, `activity` or `nexus`."""
    pollers: tuple[Poller, ...]
    """Of this version."""
    backlog: int | None
    """Waiting tasks of this version; None while the server cannot say, for some seconds after the
    queue's first poll."""
    backlog_age: timedelta | None
    """Of the oldest of them."""

    @property
    def label(self) -> str:
        return f"{self.name} ({self.type})"


@dataclass(frozen=True)
class VersionState:
    """What a version holds."""

    version: Version
    queues: tuple[VersionQueue, ...]
    pinned: int
    """Running workflows that stay on it until they end."""
    moving: int
    """Running auto-upgrade workflows whose last task it ran; their next one goes elsewhere if the
    version is not current."""

    @property
    def pollers(self) -> frozenset[str]:
        """Identities."""
        return frozenset(poller.identity for queue in self.queues for poller in queue.pollers)

    @property
    def backlog(self) -> int | None:
        """Waiting tasks on all its queues; None while one of them is not known."""
        backlogs = [queue.backlog for queue in self.queues]
        return None if None in backlogs else sum(backlog or 0 for backlog in backlogs)


async def version_states(client: Client, versions: Sequence[Version]) -> list[VersionState]:
    """What these versions hold; each of their task queues is described once.

    Raises:
        VersionNotFound: one was deleted meanwhile.
        TemporalUnavailable
    """
    described = await _each(versions, lambda version: _describe(client, version))
    keys = {
        (queue.name, queue.type) for answer in described for queue in answer.version_task_queues
    }
    found = await _each(sorted(keys), lambda key: _pollers(client, key))
    pollers = dict(zip(sorted(keys), found, strict=True))
    pinned = await _each(versions, lambda version: running(client, version, "Pinned"))
    moving = await _each(versions, lambda version: running(client, version, "AutoUpgrade"))
    return [
        VersionState(
            version,
            tuple(
                _queue(version, queue, pollers[queue.name, queue.type])
                for queue in sorted(answer.version_task_queues, key=lambda q: (q.name, q.type))
            ),
            *counts,
        )
        for version, answer, *counts in zip(versions, described, pinned, moving, strict=True)
    ]


async def running(client: Client, version: Version, behavior: str) -> int:
    """Running workflows of a version with a behaviour, `Pinned` or `AutoUpgrade`, an override
    counted as what it makes of a workflow. By visibility, which is about a second late."""
    with rpc_errors_explained(client):
        counted = await client.workflow_service.count_workflow_executions(
            CountWorkflowExecutionsRequest(
                namespace=client.namespace, query=running_query(version, behavior)
            ),
            retry=True,
            timeout=ATTEMPT_TIMEOUT,
        )
    return counted.count


def running_query(version: Version, behavior: str) -> str:
    """The visibility query that the server itself asks to see whether a version is drained."""
    return (
        f"TemporalWorkerDeploymentVersion = {_quoted(version.name)}"
        f" AND TemporalWorkflowVersioningBehavior = '{behavior}' AND ExecutionStatus = 'Running'"
    )


async def _describe(
    client: Client, version: Version, *, stats: bool = True
) -> DescribeWorkerDeploymentVersionResponse:
    try:
        with rpc_errors_explained(client):
            return await client.workflow_service.describe_worker_deployment_version(
                DescribeWorkerDeploymentVersionRequest(
                    namespace=client.namespace,
                    deployment_version=WorkerDeploymentVersion(
                        deployment_name=version.deployment, build_id=version.build_id
                    ),
                    report_task_queue_stats=stats,
                ),
                retry=True,
                timeout=ATTEMPT_TIMEOUT,
            )
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        if stats:
            # For some seconds after the first poll of a queue the server does not find its
            # statistics, and answers so for the whole version.
            return await _describe(client, version, stats=False)
        raise VersionNotFound(f"version {version.name} is deleted") from None


async def _pollers(client: Client, key: _Key) -> list[PollerInfo]:
    name, type = key
    with rpc_errors_explained(client):
        answer = await client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=client.namespace, task_queue=TaskQueue(name=name), task_queue_type=type
            ),
            retry=True,
            timeout=ATTEMPT_TIMEOUT,
        )
    return list(answer.pollers)


def _queue(
    version: Version,
    queue: DescribeWorkerDeploymentVersionResponse.VersionTaskQueue,
    pollers: Sequence[PollerInfo],
) -> VersionQueue:
    known = queue.HasField("stats")
    return VersionQueue(
        name=queue.name,
        type=TaskQueueType.Name(queue.type).removeprefix("TASK_QUEUE_TYPE_").lower(),
        pollers=tuple(
            Poller(poller.identity, poller.last_access_time.ToDatetime(UTC))
            for poller in sorted(pollers, key=lambda poller: poller.identity)
            if poller.deployment_options.deployment_name == version.deployment
            and poller.deployment_options.build_id == version.build_id
        ),
        backlog=queue.stats.approximate_backlog_count if known else None,
        backlog_age=queue.stats.approximate_backlog_age.ToTimedelta() if known else None,
    )


async def _each(items: Sequence[_T], ask: Callable[[_T], Awaitable[_R]]) -> list[_R]:
    """All answers in the order of the items, a few questions at a time."""
    free = asyncio.Semaphore(_AT_A_TIME)

    async def one(item: _T) -> _R:
        async with free:
            return await ask(item)

    tasks = [asyncio.create_task(one(item)) for item in items]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:  # those that still ask when one has failed
            task.cancel()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
