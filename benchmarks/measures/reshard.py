"""100 tenants on 4 shards, eight workflows a second: an activity of 100 ms, a timer, an activity of
100 ms. A quarter of the timers takes 1 s, a quarter 4 s; half of the workflows have none. In each
round the fleet grows to 16 shards and shrinks to 4 again, by the documented procedure:

- **growing**: a worker process with 16 shards is started; when it is ready, clients route by 16 and
  the former process gets SIGTERM.
- **shrinking**: clients route by 4; a worker process with 4 shards is started and adopts the queues
  that were left; when it is ready, the former process gets SIGTERM. Over when all of those queues
  are empty and no longer polled.

Lost or stuck is a workflow that has failed, or has not ended 30 s after the last one was started.
The latency of a workflow is the time from its start by the client to its result, without its own
timer. During a move are those that were open at any time from the start of the new process until
five seconds after the end of the former one; steady are the others. The p99 is that of all rounds
together: of one round it would be little else than the longest.

A task that the server hands to a process in the milliseconds around its SIGTERM can be lost on the
way (the SDK interrupts its polls), and is given out again after its timeout: 10 s for a workflow
task, and for an activity with a heartbeat. It is so for every worker of the SDK at every SIGTERM,
whatever the shards, and strikes about one workflow in a hundred here: just about the p99. Such
workflows count in the ratio, which can miss its bound by them, and have a figure of their own; the
ratio without them tells what the resharding itself costs.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Final
from uuid import uuid4

from benchmarks.frame.benchmark import Benchmark, BenchmarkFailed, Measured, Run
from benchmarks.frame.figures import Figure, milliseconds, percentile, ratio
from benchmarks.measures.load import client_of, settings
from benchmarks.measures.rolling import worker_to_end
from benchmarks.measures.visits import Visit, Visits
from benchmarks.workloads.specs import ERRANDS
from dev_servers.temporal_server import TemporalServer
from temporal_common.queue_state import queue_state
from temporal_common.queues import QueueLayout
from temporal_common.testing import Answer, ServiceProcess

ADOPTING: Final = {"WORKER_ADOPTION_INTERVAL": "1"}

_WARM_UP: Final = 2.0  # seconds of load before the first round
_STUCK_AFTER: Final = 30.0  # seconds
_RELEASED_WITHIN: Final = 30.0


@dataclass(frozen=True)
class Plan:
    """What is moved how; a test takes less of it, or leaves something out."""

    few: int = 4
    many: int = 16
    steady: float = 6.0
    """Seconds before it grows, and half of them before it shrinks."""
    afterwards: float = 5.0
    """Seconds of a move after the end of the former process: longer than the longest timer."""
    every: float = 1 / 8
    few_settings: Mapping[str, str] = field(default_factory=lambda: ADOPTING)
    """Of the processes with few shards, beside the layout."""
    stuck_after: float = _STUCK_AFTER


@dataclass
class Cycle:
    """One time up and down."""

    began: float = field(default_factory=time.perf_counter)
    moves: list[tuple[float, float]] = field(default_factory=list)
    """From when to when, by `time.perf_counter`."""
    left: int = 0
    """Queues that were still polled when they should have been released."""

    @asynccontextmanager
    async def move(self) -> AsyncIterator[None]:
        since = time.perf_counter()
        yield
        self.moves.append((since, time.perf_counter()))

    def moved(self, visit: Visit) -> bool:
        return any(visit.open_within(*move) for move in self.moves)


@dataclass(frozen=True)
class Seen:
    """What the workflows of one cycle saw."""

    steady: Sequence[Visit]
    moved: Sequence[Visit]
    lost_or_stuck: int
    left: int
    """Queues that were not released, or at the end not empty."""


async def measure(run: Run) -> Measured:
    async with run.server() as server:
        seen = await reshard(run, server, Plan())
    moved = [visit for each in seen for visit in each.moved]
    steady = [visit for each in seen for visit in each.steady]
    return Measured(
        [
            lost_figure(seen),
            ratio(
                "workflow latency p99, during the moves ÷ steady",
                [_p99(moved)],
                [_p99(steady)],
                at_most=2,
            ),
            left_figure(seen),
            Figure(
                "workflows during the moves that waited for a lost task",
                "%",
                [100 * sum(visit.waited_for_a_lost_task for visit in moved) / len(moved)],
                at_most=2,
            ),
            ratio(
                "the ratio of p99 without those",
                [_p99([visit for visit in moved if not visit.waited_for_a_lost_task])],
                [_p99(steady)],
            ),
            milliseconds("workflow latency p99, steady", [_p99(each.steady) for each in seen]),
            milliseconds("workflow latency p99, moves", [_p99(each.moved) for each in seen]),
            milliseconds("schedule-to-start p99, steady", [_waited(each.steady) for each in seen]),
            milliseconds("schedule-to-start p99, moves", [_waited(each.moved) for each in seen]),
            Figure("workflows during the moves", "", [len(each.moved) for each in seen]),
        ]
    )


def lost_figure(seen: Sequence[Seen]) -> Figure:
    return Figure(
        "workflows lost or stuck",
        "",
        [each.lost_or_stuck for each in seen],
        at_most=0,
        every_round=True,
    )


def left_figure(seen: Sequence[Seen]) -> Figure:
    return Figure(
        "left queues not empty or not released",
        "",
        [each.left for each in seen],
        at_most=0,
        every_round=True,
    )


async def reshard(run: Run, server: TemporalServer, plan: Plan) -> Sequence[Seen]:
    """Up and down in each round, under one load."""
    few = QueueLayout(f"bench-{uuid4().hex[:8]}", plan.few)
    many = replace(few, shards=plan.many)
    client = await client_of(server)
    visits = Visits(client, few, every=plan.every)
    cycles = []
    async with AsyncExitStack() as workers:

        async def started(layout: QueueLayout) -> ServiceProcess:
            further = plan.few_settings if layout == few else ADOPTING
            shards = {"TEMPORAL_QUEUE_SHARDS": str(layout.shards)}
            environment = {**settings(server, layout.prefix, "errands"), **shards, **further}
            return await workers.enter_async_context(worker_to_end(environment))

        worker = await started(few)
        async with visits.coming():
            await asyncio.sleep(_WARM_UP)
            for number, _sides in run.each_round():
                cycle = Cycle()
                cycles.append(cycle)
                run.step(number, f"steady with {few.shards} shards")
                await asyncio.sleep(plan.steady)
                run.step(number, f"{few.shards} → {many.shards} shards")
                async with cycle.move():
                    successor = await started(many)
                    visits.layout = many
                    await _end(worker)
                    worker = successor
                    await asyncio.sleep(plan.afterwards)
                run.step(number, f"steady with {many.shards} shards")
                await asyncio.sleep(plan.steady / 2)
                run.step(number, f"{many.shards} → {few.shards} shards")
                async with cycle.move():
                    visits.layout = few
                    successor = await started(few)
                    await _end(worker)
                    worker = successor
                    await asyncio.sleep(plan.afterwards)
                    cycle.left = await _not_released(worker)
        run.say("until all workflows have ended")
        await visits.until_all_ended(within=plan.stuck_after)
        left_over = many.task_queues(ERRANDS)[few.shards :]
        cycles[-1].left += sum(
            [not (await queue_state(client, queue.name)).empty for queue in left_over]
        )
    return _seen(visits.all, cycles)


async def _end(worker: ServiceProcess) -> None:
    if code := await worker.terminate(within=60):
        raise BenchmarkFailed(f"a worker that got SIGTERM ended with {code}")


async def _not_released(worker: ServiceProcess) -> int:
    """How many queues the worker still polls beside those of its layout, when it has had time."""

    def beside(health: Answer) -> int:
        return sum(queue["adopted"] for queue in health.json["task_queues"])

    with suppress(TimeoutError):
        await worker.health.until(
            "/health", lambda health: not beside(health), within=_RELEASED_WITHIN
        )
    return beside(await worker.health.get("/health"))


def _seen(visits: Sequence[Visit], cycles: Sequence[Cycle]) -> Sequence[Seen]:
    """By the cycle that each workflow was started in."""
    seen = []
    for cycle, following in zip_longest(cycles, cycles[1:]):
        until = following.began if following else math.inf
        begun = [visit for visit in visits if cycle.began <= visit.began < until]
        ended = [visit for visit in begun if visit.ended is not None]
        seen.append(
            Seen(
                steady=[visit for visit in ended if not cycle.moved(visit)],
                moved=[visit for visit in ended if cycle.moved(visit)],
                lost_or_stuck=len(begun) - len(ended),
                left=cycle.left,
            )
        )
    return seen


def _p99(visits: Sequence[Visit]) -> float:
    return percentile([visit.latency for visit in visits], 99)


def _waited(visits: Sequence[Visit]) -> float:
    return percentile([visit.waited for visit in visits], 99)


BENCHMARK: Final = Benchmark(
    name="reshard",
    claim="The number of shards is changed under load: nothing is lost, and nothing waits for it.",
    how=__doc__,
    measure=measure,
    rounds=4,
)
