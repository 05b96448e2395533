"""What a version of a deployment holds: workers, waiting tasks and running workflows."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import PollerInfo
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsRequest,
    DescribeWorkerDeploymentVersionRequest,
    DescribeWorkerDeploymentVersionResponse,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from temporal_common.client import ATTEMPT_TIMEOUT, rpc_errors_explained
from temporal_common.deployments import Version, VersionNotFound
from temporal_common.queue_state import POLL_RENEWED_WITHIN, Poller, describe_task_queue

PINNED: Final = "Pinned"
AUTO_UPGRADE: Final = "AutoUpgrade"

# Calls at a time. The server allows 50 reads of deployments and 10 visibility queries a second in a
# namespace, and others want some of them.
_AT_A_TIME: Final = 4

_Key = tuple[str, TaskQueueType.ValueType]
_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass(frozen=True)
class VersionQueue:
    """A task queue that a version has polled at any time, for one type of task."""

    name: str
    type: str
    """`workflow`, `activity` or `nexus`."""
    pollers: tuple[Poller, ...]
    """Workers of this version that polled it within the last five minutes."""
    backlog: int | None
    """Waiting tasks of this version; None while the server cannot say, for some seconds after the
    queue's first poll."""
    backlog_age: timedelta | None
    """Of the oldest of them."""


@dataclass(frozen=True)
class VersionState:
    """The task queues of a version, and who polls them."""

    version: Version
    queues: tuple[VersionQueue, ...]

    @property
    def listed(self) -> frozenset[str]:
        """Identities of the workers that the server lists: for five minutes after the last poll."""
        return frozenset(poller.identity for queue in self.queues for poller in queue.pollers)

    def workers(self, now: datetime | None = None) -> frozenset[str]:
        """Those of them that run: they have begun a poll lately, on any queue. On one alone it
        says little, for a worker whose slots are all taken does not poll for activities."""
        oldest = (now or datetime.now(UTC)) - POLL_RENEWED_WITHIN
        return frozenset(
            poller.identity
            for queue in self.queues
            for poller in queue.pollers
            if poller.last_access >= oldest
        )

    def polled(self, now: datetime | None = None) -> list[VersionQueue]:
        """The queues that a worker polls which runs."""
        workers = self.workers(now)
        return [
            queue
            for queue in self.queues
            if any(poller.identity in workers for poller in queue.pollers)
        ]

    def served(self, now: datetime | None = None) -> list[VersionQueue]:
        """The queues that the version answers for: polled, or with tasks that wait for it. If no
        worker of it runs, all that it has ever polled."""
        polled = self.polled(now)
        return [queue for queue in self.queues if not polled or queue in polled or queue.backlog]

    @property
    def backlog(self) -> int | None:
        """Waiting tasks on all its queues; None while one of them is not known."""
        backlogs = [queue.backlog for queue in self.queues if queue.backlog is not None]
        return sum(backlogs) if len(backlogs) == len(self.queues) else None


async def version_states(client: Client, versions: Sequence[Version]) -> list[VersionState]:
    """Asks for these versions; a task queue that several of them have is described once.

    Raises:
        VersionNotFound: one was deleted meanwhile.
        TemporalUnavailable: the server does not answer.
    """
    described = await each(versions, lambda version: _describe(client, version))
    keys = sorted({(queue.name, queue.type) for answer in described for queue in _queues(answer)})
    pollers = dict(zip(keys, await each(keys, lambda key: _pollers(client, key)), strict=True))
    return [
        VersionState(
            version,
            tuple(_queue(version, q, pollers[q.name, q.type]) for q in _queues(answer)),
        )
        for version, answer in zip(versions, described, strict=True)
    ]


async def running(client: Client, version: Version, behavior: str) -> int:
    """Running workflows of a version that are `PINNED` to it, or `AUTO_UPGRADE` ones whose last
    task it ran. By visibility, which is about a second late.

    Raises:
        TemporalUnavailable: the server does not answer.
    """
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
    """For `PINNED`, the query by which the server itself decides whether a version is drained. An
    override counts as what it makes of its workflow."""
    name = version.name.replace("'", "''")
    return (
        f"TemporalWorkerDeploymentVersion = '{name}'"
        f" AND TemporalWorkflowVersioningBehavior = '{behavior}' AND ExecutionStatus = 'Running'"
    )


async def each(items: Sequence[_T], ask: Callable[[_T], Awaitable[_R]]) -> list[_R]:
    """All answers in the order of the items, asked for a few at a time."""
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
    return list((await describe_task_queue(client, *key)).pollers)


def _queues(
    answer: DescribeWorkerDeploymentVersionResponse,
) -> list[DescribeWorkerDeploymentVersionResponse.VersionTaskQueue]:
    return sorted(answer.version_task_queues, key=lambda queue: (queue.name, queue.type))


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
            Poller(poller.identity, poller.last_access_time.ToDatetime(tzinfo=UTC))
            for poller in sorted(pollers, key=lambda poller: poller.identity)
            if poller.deployment_options.deployment_name == version.deployment
            and poller.deployment_options.build_id == version.build_id
        ),
        backlog=queue.stats.approximate_backlog_count if known else None,
        backlog_age=queue.stats.approximate_backlog_age.ToTimedelta() if known else None,
    )
