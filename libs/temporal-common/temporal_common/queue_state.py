"""What a task queue holds and who serves it, as the server sees it.

Running workflows come from visibility, which lags by a second or two on a large server and allows
10 queries a second for a namespace; backlog and pollers come from the queue itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue as TaskQueueMessage
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, DescribeTaskQueueResponse
from temporalio.client import Client

from temporal_common.client import ATTEMPT_TIMEOUT, rpc_errors_explained
from temporal_common.queues import InvalidTaskQueue, Kind, QueueLayout, TaskQueue, parse_task_queue

WORKFLOW: Final = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
ACTIVITY: Final = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY

POLL_RENEWED_WITHIN: Final = timedelta(seconds=90)
"""A poller that has not begun a poll for so long is gone. A long poll returns after about a minute
at the latest, and the server goes on listing who polled for five minutes."""


@dataclass(frozen=True)
class Poller:
    """Someone who polled within the last five minutes."""

    identity: str
    last_access: datetime
    """When it last began a poll, by the server's clock."""


@dataclass(frozen=True)
class TaskState:
    """The tasks of one type (workflow or activity) of a queue."""

    backlog: int
    """Tasks that wait, approximately, as of up to five seconds ago. Activities of terminated
    workflows count until polled."""

    backlog_age: timedelta
    """How long the oldest of them has waited."""

    rate_limited: bool
    """Whether a rate limit of the queue holds them back, so that more workers would not help."""

    pollers: tuple[Poller, ...]

    def live_pollers(self, now: datetime | None = None) -> tuple[Poller, ...]:
        """Without those that are gone and still listed."""
        oldest = (now or datetime.now(UTC)) - POLL_RENEWED_WITHIN
        return tuple(poller for poller in self.pollers if poller.last_access >= oldest)


@dataclass(frozen=True)
class QueueState:
    """One queue at one moment."""

    name: str
    running_workflows: int
    workflow: TaskState
    activity: TaskState

    @property
    def backlog(self) -> int:
        return self.workflow.backlog + self.activity.backlog

    @property
    def empty(self) -> bool:
        """Nothing runs and nothing waits: nobody needs to poll it."""
        return not self.running_workflows and not self.backlog

    def polled(self, now: datetime | None = None) -> bool:
        """Whether tasks of both types have a live poller."""
        return bool(self.workflow.live_pollers(now) and self.activity.live_pollers(now))


async def queue_state(client: Client, name: str) -> QueueState:
    """Asks for all of it: one visibility query, two descriptions.

    Raises:
        TemporalUnavailable: the server does not answer.
    """
    return QueueState(
        name,
        running_workflows=await running_workflows(client, name),
        workflow=_task_state(await describe_task_queue(client, name, WORKFLOW)),
        activity=_task_state(await describe_task_queue(client, name, ACTIVITY)),
    )


async def running_workflows(client: Client, name: str) -> int:
    """Workflows that were started on the queue and have not ended.

    Raises:
        TemporalUnavailable: the server does not answer.
    """
    with rpc_errors_explained(client):
        counted = await client.count_workflows(
            f"ExecutionStatus = 'Running' AND TaskQueue = '{name}'", rpc_timeout=ATTEMPT_TIMEOUT
        )
    return counted.count


async def left_queues(client: Client, layout: QueueLayout, kind: Kind) -> list[TaskQueue]:
    """Queues of the kind that the layout does not have, and that still hold running workflows.

    What a larger layout left behind. Visibility cannot group by task queue; so one workflow is
    listed, its queue excluded, and so on: one query for each queue found, and one more.

    Raises:
        TemporalUnavailable: the server does not answer.
    """
    known = [queue.name for queue in layout.task_queues(kind)]
    found: list[TaskQueue] = []
    while (name := await _some_queue(client, layout.name_prefix(kind), known)) is not None:
        known.append(name)
        try:
            queue = parse_task_queue(name)
        except InvalidTaskQueue:
            continue  # not built by this library: another's business
        if (queue.prefix, queue.kind) == (layout.prefix, kind.name):
            found.append(queue)
    return sorted(found)


async def describe_task_queue(
    client: Client, name: str, task_type: TaskQueueType.ValueType
) -> DescribeTaskQueueResponse:
    """Pollers and statistics of one type of task.

    Pollers are as of a second ago; statistics, measured on server 1.32, as of up to five.

    Raises:
        TemporalUnavailable: the server does not answer.
    """
    with rpc_errors_explained(client):
        return await client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=client.namespace,
                task_queue=TaskQueueMessage(name=name),
                task_queue_type=task_type,
                report_stats=True,
            ),
            timeout=ATTEMPT_TIMEOUT,
        )


async def _some_queue(client: Client, prefix: str, known: Iterable[str]) -> str | None:
    """The queue of some running workflow whose name has the prefix and is not known."""
    excluded = ", ".join(f"'{name}'" for name in known)
    query = (
        f"ExecutionStatus = 'Running' AND TaskQueue STARTS_WITH '{prefix}'"
        f" AND TaskQueue NOT IN ({excluded})"
    )
    with rpc_errors_explained(client):
        async for workflow in client.list_workflows(
            query, limit=1, page_size=1, rpc_timeout=ATTEMPT_TIMEOUT
        ):
            return workflow.task_queue
    return None


def _task_state(answer: DescribeTaskQueueResponse) -> TaskState:
    stats = answer.stats
    return TaskState(
        backlog=stats.approximate_backlog_count,
        backlog_age=stats.approximate_backlog_age.ToTimedelta(),
        rate_limited=stats.rate_limiting_active,
        pollers=tuple(
            Poller(poller.identity, poller.last_access_time.ToDatetime(tzinfo=UTC))
            for poller in answer.pollers
        ),
    )
