"""Queues that a larger layout left: polled until nothing runs or waits there.

A workflow stays on the queue that it was started on. When there are fewer shards than before, new
work goes to the new layout at once, and every process adopts, of its part of the shards, the queues
that still hold running workflows. So does work of a client that has not heard of the new layout.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from temporal_common.errors import FleetError
from temporal_common.queue_state import left_queues, queue_state
from temporal_common.queues import Kind, QueueLayout, TaskQueue
from temporal_common.settings import ShardSettings

log = structlog.get_logger()

_EMPTY_LOOKS: Final = 2
"""Looks in a row that must find a queue empty: visibility lags behind what is started."""


class Adoption:
    """What one process does about the queues of a kind that its layout does not have."""

    def __init__(
        self,
        client: Client,
        layout: QueueLayout,
        kind: Kind,
        sharding: ShardSettings,
        *,
        adopt: Callable[[Sequence[TaskQueue]], Awaitable[None]],
        release: Callable[[TaskQueue], Awaitable[None]],
    ) -> None:
        """`adopt` begins to poll, `release` drains and ends it."""
        self._client = client
        self._layout = layout
        self._kind = kind
        self._sharding = sharding
        self._adopt = adopt
        self._release = release
        self._empty_looks: dict[TaskQueue, int] = {}

    async def run(self) -> None:
        """Looks again and again. Processes that started together do not look together."""
        while True:
            await asyncio.sleep(self._sharding.adoption_interval * random.uniform(0.8, 1.2))
            await self.look()

    async def look(self) -> None:
        """One look: a visibility query for each queue left, and one more; then what follows.

        A server that does not answer is reported and asked again at the next look.
        """
        try:
            left = [
                queue
                for queue in await left_queues(self._client, self._layout, self._kind)
                if self._sharding.shards.covers(queue.shard)
            ]
            await self._begin([queue for queue in left if queue not in self._empty_looks])
            self._empty_looks |= dict.fromkeys(left, 0)
            for queue in self._empty_looks.keys() - set(left):
                await self._end_if_empty(queue)
        except (FleetError, RPCError) as error:
            log.warning("queues of a former layout not looked for", reason=str(error))

    async def _begin(self, queues: Sequence[TaskQueue]) -> None:
        if queues:
            names = [queue.name for queue in queues]
            log.warning("adopting queues of a former layout", task_queues=names)
            await self._adopt(queues)

    async def _end_if_empty(self, queue: TaskQueue) -> None:
        empty = (await queue_state(self._client, queue.name)).empty
        self._empty_looks[queue] = self._empty_looks[queue] + 1 if empty else 0
        if self._empty_looks[queue] >= _EMPTY_LOOKS:
            await self._release(queue)
            del self._empty_looks[queue]
            log.info("empty queue of a former layout no longer polled", task_queue=queue.name)
