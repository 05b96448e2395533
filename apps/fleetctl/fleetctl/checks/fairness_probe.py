"""Finds out in which order the server hands out tasks; no API tells whether fairness is on.

On a task queue of its own it starts workflows that nobody will run: many of one fairness key, then
some of other keys, then some urgent ones. It takes their workflow tasks itself and looks at the
order. Then it deletes the workflows; their tasks are all taken, so nothing of the queue is left.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from uuid import uuid4

if TYPE_CHECKING:
    from temporalio.client import Client

WORKFLOW: Final = "FleetctlDoctorProbe"
"""Type of the probe's workflows. No worker registers it."""
MAX_PARTITIONS: Final = 8
"""Most partitions that the probe tells anything about; each needs its own workflows."""

_LIFETIME: Final = timedelta(seconds=60)
"""Run timeout: what a doctor that is killed leaves behind ends by itself."""
_SETTLED_WITHIN: Final = 2.0
"""Seconds to wait until started workflows wait in the queue. Without that the order in which they
were started is not the order in which they came there."""
_POLL_TIMEOUT: Final = timedelta(seconds=5)
"""The server refuses a poll with much less."""
_RPC_TIMEOUT: Final = timedelta(seconds=10)
_AGAIN: Final = 0.02


class Start(StrEnum):
    """What a workflow of the probe stands for."""

    HEAVY = "heavy"
    """One of many of a tenant that has begun before all others."""
    LIGHT = "light"
    """The only one of a tenant that came later: fair is, that it comes before most heavy ones."""
    URGENT = "urgent"
    """Of a smaller priority key, started last: it comes first where priorities count."""


_STARTS: Final = ((Start.HEAVY, 8), (Start.LIGHT, 4), (Start.URGENT, 2))
"""How many for each partition, in the order of their starts."""


@dataclass(frozen=True)
class ProbeResult:
    """The shares of pairs in which the later start came first: 0 is first in, first out.

    Between partitions there is no order; with n of them only one pair in n tells anything.
    """

    fairness: float
    """Of a light and a heavy one."""
    priority: float
    """Of an urgent one and any other."""

    @property
    def fair(self) -> bool:
        return self.fairness > 0.5

    @property
    def prioritized(self) -> bool:
        return self.priority > 0.5


class ProbeFailed(Exception):
    """The order cannot be judged. The message says why."""


async def probe(client: "Client", queue_prefix: str, partitions: int) -> ProbeResult:
    """Probes a queue whose name begins so; the server gives it `partitions`.

    Takes about 0.2 s where the queue has one partition, else up to ten.

    Raises:
        ProbeFailed: the server did not hand out what was started.
        RPCError: it refused a part of it.
    """
    queue = f"{queue_prefix}.doctor.{uuid4().hex[:12]}"
    starts = [(start, count * partitions) for start, count in _STARTS]
    async with _deleted(client) as started:
        for start, count in starts:
            ids = [f"{queue}/{start}/{number}" for number in range(count)]
            new = {id: asyncio.create_task(_start(client, queue, start, id)) for id in ids}
            started |= new
            # Shielded: a start that is cancelled may reach the server after its deletion.
            await asyncio.shield(asyncio.gather(*new.values()))
            await _settle(client, queue, len(started))
        order = await _taken(client, queue, len(started))
    return ProbeResult(
        fairness=earliness(order, Start.LIGHT, {Start.HEAVY}),
        priority=earliness(order, Start.URGENT, {Start.HEAVY, Start.LIGHT}),
    )


def earliness(order: Sequence[Start], late: Start, others: set[Start]) -> float:
    """The share of pairs (`late`, one of `others`) in which `late` comes first; by chance 0.5."""
    ahead, seen = 0, 0
    for start in order:
        if start is late:
            seen += 1
        elif start in others:
            ahead += seen
    return ahead / (order.count(late) * sum(start in others for start in order))


async def _start(client: "Client", queue: str, start: Start, id: str) -> None:
    from temporalio.common import Priority

    key = id.rpartition("/")[2] if start is Start.LIGHT else Start.HEAVY
    await client.start_workflow(
        WORKFLOW,
        id=id,
        task_queue=queue,
        run_timeout=_LIFETIME,
        rpc_timeout=_RPC_TIMEOUT,
        priority=Priority(fairness_key=str(key), priority_key=1 if start is Start.URGENT else None),
    )


async def _settle(client: "Client", queue: str, tasks: int) -> None:
    """Until so many wait. By the old status of the queue: the new statistics are five seconds late.

    It counts the tasks of one partition alone, and a server may leave it out: then it is the limit
    that ends this.
    """
    from temporalio.api.enums.v1 import TaskQueueType
    from temporalio.api.taskqueue.v1 import TaskQueue
    from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

    began = time.monotonic()
    while time.monotonic() - began < _SETTLED_WITHIN:
        answer = await client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=client.namespace,
                task_queue=TaskQueue(name=queue),
                task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
                include_task_queue_status=True,
            ),
            timeout=_RPC_TIMEOUT,
        )
        if answer.task_queue_status.backlog_count_hint >= tasks:
            return
        await asyncio.sleep(_AGAIN)


async def _taken(client: "Client", queue: str, tasks: int) -> list[Start]:
    """What each of so many tasks stands for, in the order in which the server hands them out."""
    from temporalio.api.taskqueue.v1 import TaskQueue
    from temporalio.api.workflowservice.v1 import PollWorkflowTaskQueueRequest

    order: list[Start] = []
    while len(order) < tasks:
        task = await client.workflow_service.poll_workflow_task_queue(
            PollWorkflowTaskQueueRequest(
                namespace=client.namespace,
                task_queue=TaskQueue(name=queue),
                identity="fleetctl-doctor",
            ),
            timeout=_POLL_TIMEOUT,
        )
        if not task.task_token:
            raise ProbeFailed(f"of {tasks} tasks the server handed out {len(order)}")
        order.append(Start(task.workflow_execution.workflow_id.split("/")[1]))
    return order


@asynccontextmanager
async def _deleted(client: "Client") -> AsyncIterator[dict[str, "asyncio.Task[None]"]]:
    """Deletes the workflows whose starts are put in by their id, however the block ends."""
    from temporalio.api.common.v1 import WorkflowExecution
    from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest

    async def delete(id: str) -> None:
        await client.workflow_service.delete_workflow_execution(
            DeleteWorkflowExecutionRequest(
                namespace=client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=id),
            ),
            retry=True,
            timeout=_RPC_TIMEOUT,
        )

    started: dict[str, asyncio.Task[None]] = {}
    try:
        yield started
    finally:
        await asyncio.gather(*started.values(), return_exceptions=True)
        # One that was not started, or has ended by itself and was removed, is not found.
        await asyncio.gather(*map(delete, started), return_exceptions=True)
