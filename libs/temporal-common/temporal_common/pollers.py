"""Who polls a task queue, as the server sees it."""

from dataclasses import dataclass
from datetime import datetime

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.client import Client

from temporal_common.queue_state import ACTIVITY, WORKFLOW, describe_task_queue


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
    workflow, activity = [
        await _last_access(client, task_queue, kind, identity) for kind in (WORKFLOW, ACTIVITY)
    ]
    return PollerAccess(workflow, activity)


async def _last_access(
    client: Client, task_queue: str, kind: TaskQueueType.ValueType, identity: str
) -> datetime | None:
    answer = await describe_task_queue(client, task_queue, kind)
    return max(
        (p.last_access_time.ToDatetime() for p in answer.pollers if p.identity == identity),
        default=None,
    )


def _later(now: datetime | None, before: datetime | None) -> bool:
    return now is not None and (before is None or now > before)
