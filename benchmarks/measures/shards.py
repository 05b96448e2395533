"""Four processes of one workload, with 1, 8, 32 and 64 shards: as many Workers. Each is started
while the others are idle; then all of them are idle for five seconds.

- **memory**: resident when idle, shared libraries included. The figure is that of 64 shards ÷ that
  of one.
- **start to ready**: from the start of the process until the server lists it as a poller of every
  queue.
- **idle CPU**: in percent of one core.
- **the budget**: work waits on all 64 queues of a process that is tuned for 20 activities at once.
  Each activity counts, when it begins, how many run in its process; the figure is the largest count
  ÷ 20. Below 1 the process does less than it may, above 1 more.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from temporalio.client import Client

from benchmarks.frame.benchmark import Benchmark, Measured, Run
from benchmarks.frame.figures import Figure, ratio
from benchmarks.frame.proc import cpu_seconds, resident_megabytes
from benchmarks.measures.load import MODULE, client_of, settings
from benchmarks.workloads.errands.models import Errand
from benchmarks.workloads.errands.workflows import RunErrand
from benchmarks.workloads.specs import ERRANDS, SPECS
from dev_servers.temporal_server import TemporalServer
from temporal_common.queues import QueueLayout
from temporal_common.routing import Route, Router

BUDGET: Final = SPECS["errands"].tuning.max_concurrent_activities

_SHARDS: Final = (1, 8, 32, 64)
_ONE, _MOST = _SHARDS[0], _SHARDS[-1]
_SETTLE: Final = 2.0  # seconds after ready until CPU and memory are read
_IDLE: Final = 5.0
_PER_QUEUE: Final = Errand(0.5, count=2)


@dataclass(frozen=True)
class Started:
    """A process that is ready."""

    pid: int
    layout: QueueLayout
    seconds: float
    """From its start until it was."""


async def measure(run: Run) -> Measured:
    sides = {_side(shards): shards for shards in _SHARDS}
    ready: dict[str, list[float]] = {side: [] for side in sides}
    memory: dict[str, list[float]] = {side: [] for side in sides}
    idle: dict[str, list[float]] = {side: [] for side in sides}
    at_once: list[int] = []
    async with run.server() as server:
        client = await client_of(server)
        for number, order in run.each_round(*sides):
            async with AsyncExitStack() as stack:
                started: dict[str, Started] = {}
                for side in order:
                    run.step(number, f"start with {side}")
                    started[side] = await stack.enter_async_context(
                        _started(run, server, sides[side])
                    )
                run.step(number, "all idle")
                cpu = await _idle_cpu([process.pid for process in started.values()])
                for side, process in started.items():
                    ready[side].append(process.seconds)
                    memory[side].append(resident_megabytes(process.pid))
                    idle[side].append(cpu[process.pid])
                fullest = started[_side(_MOST)]
                run.step(number, f"work on all {_MOST} queues")
                at_once.append(await most_at_once(client, fullest.layout, _PER_QUEUE))
    one, most = _side(_ONE), _side(_MOST)
    return Measured(
        [
            ratio(f"resident memory, {most} ÷ {one}", memory[most], memory[one], at_most=2),
            budget_figure(at_once),
            *(Figure(f"resident when idle, {side}", "MB", memory[side]) for side in sides),
            *(Figure(f"start to ready, {side}", "s", ready[side]) for side in sides),
            *(Figure(f"idle CPU, {side}", "%", idle[side]) for side in sides),
        ]
    )


def _side(shards: int) -> str:
    return "1 shard" if shards == 1 else f"{shards} shards"


def budget_figure(at_once: Sequence[int]) -> Figure:
    return Figure(
        f"activities at once on {_MOST} queues ÷ the budget of the process",
        "x",
        [count / BUDGET for count in at_once],
        at_least=1,
        at_most=1,
        every_round=True,
    )


async def most_at_once(client: Client, layout: QueueLayout, errand: Errand) -> int:
    """Runs an errand on each queue of the layout, all at the same time; the largest count that an
    activity saw."""
    results = await asyncio.gather(
        *(
            client.execute_workflow(
                RunErrand.run, errand, id=f"errand-{uuid4().hex}", **route.options()
            )
            for route in _one_for_each_queue(layout)
        )
    )
    return max(ran.at_once for result in results for ran in result)


def _one_for_each_queue(layout: QueueLayout) -> Sequence[Route]:
    """Of the tenants that come first on each queue."""
    router, number = Router(layout), 0
    found: dict[str, Route] = {}
    while len(found) < layout.shards:
        route = router.tenant(f"tenant-{number}", kind=ERRANDS)
        found.setdefault(route.task_queue, route)
        number += 1
    return list(found.values())


@asynccontextmanager
async def _started(run: Run, server: TemporalServer, shards: int) -> AsyncIterator[Started]:
    layout = QueueLayout(f"bench-{uuid4().hex[:8]}", shards)
    environment = settings(
        server, layout.prefix, "errands", TEMPORAL_QUEUE_SHARDS=str(layout.shards)
    )
    begun = time.perf_counter()
    async with run.process(MODULE, environment) as process:
        yield Started(process.pid, layout, time.perf_counter() - begun)


async def _idle_cpu(pids: Sequence[int]) -> Mapping[int, float]:
    """Percent of one core that each took."""
    await asyncio.sleep(_SETTLE)
    before = {pid: cpu_seconds(pid) for pid in pids}
    await asyncio.sleep(_IDLE)
    return {pid: 100 * (cpu_seconds(pid) - before[pid]) / _IDLE for pid in pids}


BENCHMARK: Final = Benchmark(
    name="shards",
    claim="One process serves 64 shards, in less than twice the memory and in one budget.",
    how=__doc__,
    measure=measure,
    rounds=3,
)
