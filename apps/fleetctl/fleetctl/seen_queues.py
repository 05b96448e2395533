"""The task queues of a fleet as they are now: what they hold, and who serves them."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fleetctl.presence import Presence, presence
from temporal_common.queue_state import QueueState, left_queues, queue_state
from temporal_common.queues import Kind, QueueLayout, TaskQueue
from temporal_common.resharding import Shard

if TYPE_CHECKING:
    from temporalio.client import Client

_AT_ONCE: Final = 8
"""Queues asked for at the same time. Visibility allows ten queries a second by default; what is
beyond it the SDK asks again."""


@dataclass(frozen=True)
class SeenQueue:
    """One queue."""

    queue: TaskQueue
    in_layout: bool
    state: QueueState
    workflow_pollers: int
    """Those that live; see `Presence.pollers`."""
    activity_pollers: int
    activity_slots: int | None = None
    """Activities that a worker of this kind does at once on a queue, as one has reported."""

    @property
    def name(self) -> str:
        return self.queue.name

    @property
    def polled(self) -> bool:
        return bool(self.workflow_pollers and self.activity_pollers)

    @property
    def shard(self) -> Shard:
        return Shard(
            name=self.name,
            number=self.queue.shard,
            running=self.state.running_workflows,
            backlog=self.state.backlog,
            polled=self.polled,
        )


async def look(client: "Client", layout: QueueLayout, kind: Kind) -> list[SeenQueue]:
    """The queues of a kind: those of the layout, and those outside it that hold running work.

    Raises:
        TemporalUnavailable: the server does not answer.
    """
    known = layout.task_queues(kind)
    left = await left_queues(client, layout, kind)
    workers = await presence(client, layout.name_prefix(kind))
    return await _all(client, [*known, *left], frozenset(known), workers)


async def _all(
    client: "Client", queues: Iterable[TaskQueue], known: frozenset[TaskQueue], workers: Presence
) -> list[SeenQueue]:
    limit = asyncio.Semaphore(_AT_ONCE)

    async def one(queue: TaskQueue) -> SeenQueue:
        async with limit:
            state = await queue_state(client, queue.name)
        return SeenQueue(
            queue,
            queue in known,
            state,
            workers.pollers(queue.name, state.workflow),
            workers.pollers(queue.name, state.activity),
            workers.activity_slots,
        )

    return list(await asyncio.gather(*map(one, queues)))
