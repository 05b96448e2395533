"""Which workers run, by their heartbeats: what the list of a queue's pollers does not say.

The server lists a poller for five minutes after its last poll, and a worker whose slots are all
taken does not poll. Workers report every minute, and at once when they stop.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from temporal_common.queue_state import POLL_RENEWED_WITHIN, TaskState

if TYPE_CHECKING:
    from temporalio.api.worker.v1 import WorkerHeartbeat, WorkerListInfo
    from temporalio.client import Client

_RPC_TIMEOUT: Final = timedelta(seconds=10)
_PAGE: Final = 500


@dataclass(frozen=True)
class Presence:
    """What workers have reported, by task queue."""

    running: frozenset[str] = frozenset()
    """Queues of which a worker reported within `POLL_RENEWED_WITHIN` that it runs."""
    stopped: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    """When the last worker of an identity stopped, by identity and queue."""
    activity_slots: int | None = None
    """Activities that one of the running workers does at once on its queue."""

    def pollers(self, queue: str, tasks: TaskState, now: datetime | None = None) -> int:
        """How many serve the queue, at least: those whose poll is fresh and who have not stopped
        since; or one, who is too busy to poll."""
        live = [
            poller
            for poller in tasks.live_pollers(now)
            if not self._stopped_since(poller.identity, queue, poller.last_access)
        ]
        return len(live) or int(queue in self.running)

    def _stopped_since(self, identity: str, queue: str, access: datetime) -> bool:
        at = self.stopped.get((identity, queue))
        return at is not None and at >= access


async def presence(client: "Client", queue_prefix: str) -> Presence:
    """Asks for the workers of queues that begin so; nothing where the server keeps no list.

    That is a server before 1.30, one with `frontend.ListWorkersEnabled` off, and one whose
    credentials do not allow it.
    """
    from temporalio.api.enums.v1 import WorkerStatus
    from temporalio.service import RPCError

    since = (datetime.now(UTC) - POLL_RENEWED_WITHIN).strftime("%Y-%m-%dT%H:%M:%SZ")
    ours = f"TaskQueue STARTS_WITH '{queue_prefix}'"
    try:
        fresh = [
            worker
            for worker in await _list(client, f"{ours} AND HeartbeatTime > '{since}'")
            if worker.status == WorkerStatus.WORKER_STATUS_RUNNING
        ]
        slots = await _slots(client, fresh[0].worker_instance_key) if fresh else None
        known = await _list(client, ours)
        alive = {
            (worker.worker_identity, worker.task_queue)
            for worker in known
            if worker.status == WorkerStatus.WORKER_STATUS_RUNNING
        }
        stopped: dict[tuple[str, str], datetime] = {}
        for worker in known:
            key = worker.worker_identity, worker.task_queue
            # Two processes of one identity: while one of them runs, the poll may be its own.
            if key not in alive:
                heartbeat = await _heartbeat(client, worker.worker_instance_key)
                at = heartbeat.heartbeat_time.ToDatetime(tzinfo=UTC)
                stopped[key] = max(at, stopped.get(key, at))
    except RPCError:
        return Presence()
    return Presence(frozenset(worker.task_queue for worker in fresh), stopped, slots)


async def _list(client: "Client", query: str) -> "list[WorkerListInfo]":
    from temporalio.api.workflowservice.v1 import ListWorkersRequest

    found: list[WorkerListInfo] = []
    token = b""
    while True:
        page = await client.workflow_service.list_workers(
            ListWorkersRequest(
                namespace=client.namespace, query=query, page_size=_PAGE, next_page_token=token
            ),
            timeout=_RPC_TIMEOUT,
        )
        found.extend(page.workers)
        token = page.next_page_token
        if not token:
            return found


async def _slots(client: "Client", instance: str) -> int | None:
    """None where the supplier of slots has no fixed number."""
    slots = (await _heartbeat(client, instance)).activity_task_slots_info
    if slots.current_available_slots < 0:
        return None
    return slots.current_available_slots + slots.current_used_slots or None


async def _heartbeat(client: "Client", instance: str) -> "WorkerHeartbeat":
    """What a worker last reported."""
    from temporalio.api.workflowservice.v1 import DescribeWorkerRequest

    answer = await client.workflow_service.describe_worker(
        DescribeWorkerRequest(namespace=client.namespace, worker_instance_key=instance),
        timeout=_RPC_TIMEOUT,
    )
    return answer.worker_info.worker_heartbeat
