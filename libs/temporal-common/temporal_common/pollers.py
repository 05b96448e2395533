"""Who polls a task queue, as the server sees it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from temporal_common.client import ATTEMPT_TIMEOUT, rpc_errors_explained

_TYPES: Final = (
    TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
)


@dataclass(frozen=True)
class PollerAccess:
    """When an identity last began a poll, by the server's clock; `None` if it is not listed.

    The server goes on listing a poller for five minutes after it is gone, and a restarted container
    has its predecessor's identity. Whoever wants to know whether *this* process polls must compare
    with an access from before it started.
    """

    workflow: datetime | None
    activity: datetime | None

    def later_than(self, before: "PollerAccess") -> bool:
        """Whether both kinds of polls were begun anew since `before`."""
        return _later(self.workflow, before.workflow) and _later(self.activity, before.activity)


async def poller_access(client: Client, task_queue: str, identity: str) -> PollerAccess:
    """Asks the server. One call for each type of task; answers are about a second old.

    Raises:
        TemporalUnavailable: the server does not answer.
    """
    with rpc_errors_explained(client):
        workflow, activity = [
            await _last_access(client, task_queue, kind, identity) for kind in _TYPES
        ]
    return PollerAccess(workflow, activity)


async def _last_access(
    client: Client, task_queue: str, kind: TaskQueueType.ValueType, identity: str
) -> datetime | None:
    answer = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace, task_queue=TaskQueue(name=task_queue), task_queue_type=kind
        ),
        timeout=ATTEMPT_TIMEOUT,
    )
    return max(
        (p.last_access_time.ToDatetime() for p in answer.pollers if p.identity == identity),
        default=None,
    )


def _later(now: datetime | None, before: datetime | None) -> bool:
    return now is not None and (before is None or now > before)
