"""An open load of many tenants that goes on while the fleet is changed under it."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

from temporalio.client import Client, WorkflowFailureError

from benchmarks.workloads.errands.models import Errand, Ran
from benchmarks.workloads.errands.workflows import RunErrand
from benchmarks.workloads.specs import ERRANDS
from temporal_common.queues import QueueLayout
from temporal_common.routing import Router

_TENANTS: Final = 100
_ACTIVITY: Final = 0.1  # seconds
_TASK_TIMEOUT: Final = 10.0  # of a workflow task, by default, and of our heartbeats
_PAUSES: Final = (0.0, 0.0, 1.0, 4.0)  # seconds, in turn; 0 for no timer


@dataclass
class Visit:
    """One workflow: an activity, a timer, an activity."""

    pause: float
    workflow_id: str = field(default_factory=lambda: f"visit-{uuid4().hex}")
    began: float = field(default_factory=time.perf_counter)
    ended: float | None = None
    """None while it is open, and for ever if it is lost or stuck."""
    waited: float = 0
    """Schedule to start, in seconds, the longer of its activities."""

    @property
    def latency(self) -> float:
        """From the start by the client to the result, without its own timer."""
        assert self.ended is not None, "it is open"
        return self.ended - self.began - self.pause

    @property
    def waited_for_a_lost_task(self) -> bool:
        """A task of it was lost on the way to a process that got SIGTERM, and given out again."""
        return self.latency > _TASK_TIMEOUT

    def open_within(self, since: float, until: float) -> bool:
        return self.began < until and (self.ended is None or self.ended > since)


class Visits:
    """Starts workflows at a steady rate, whatever becomes of the former ones."""

    def __init__(self, client: Client, layout: QueueLayout, *, every: float) -> None:
        """`every`: seconds from one start to the next."""
        self.layout = layout
        """Which the clients route by. Set it, and the next start goes by the new one."""
        self.all: list[Visit] = []
        self._client = client
        self._every = every
        self._open: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def coming(self) -> AsyncIterator[None]:
        """They come for as long as the block lasts."""
        coming = asyncio.create_task(self._come())
        try:
            yield
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)

    async def until_all_ended(self, *, within: float) -> Sequence[Visit]:
        """Those that have not ended after `within` seconds, or not well."""
        if self._open:
            await asyncio.wait(self._open, timeout=within)
        for visit in self._open:
            visit.cancel()
        return [visit for visit in self.all if visit.ended is None]

    async def _come(self) -> None:
        began = time.perf_counter()
        for number in itertools.count():
            await asyncio.sleep(began + number * self._every - time.perf_counter())
            visiting = asyncio.create_task(self._visit(number))
            self._open.add(visiting)
            visiting.add_done_callback(self._open.discard)

    async def _visit(self, number: int) -> None:
        pause = _PAUSES[number % len(_PAUSES)]
        route = Router(self.layout).tenant(f"tenant-{number % _TENANTS}", kind=ERRANDS)
        visit = Visit(pause)
        self.all.append(visit)
        try:
            ran: Sequence[Ran] = await self._client.execute_workflow(
                RunErrand.run,
                Errand(_ACTIVITY, pause=pause),
                id=visit.workflow_id,
                **route.options(),
            )
        except WorkflowFailureError:
            return  # lost
        visit.ended = time.perf_counter()
        visit.waited = max(each.waited for each in ran)
