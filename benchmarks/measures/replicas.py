"""One, two and four worker processes with 4 activity slots each. For each of them there are 100
activities that await an answer for 200 ms: by its slots a process can begin 20 a second. The figure
is the throughput of two processes ÷ that of one.

Throughput is the rate at which activities begin, between the fifth of them that begin first and the
fifth that begin last. What then limits it is what is used up: the slots, by the part of their time
that was spent in activities, or the cores, by who used them, from /proc.
"""

import asyncio
import os
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from temporalio.client import Client

from benchmarks.frame.benchmark import Benchmark, Measured, Run
from benchmarks.frame.figures import Figure, ratio
from benchmarks.frame.proc import cpu_seconds, idle_seconds
from benchmarks.measures.load import MODULE, client_of, settings
from benchmarks.workloads.errands.models import Errand
from benchmarks.workloads.errands.workflows import RunErrand
from benchmarks.workloads.specs import ERRANDS
from dev_servers.temporal_server import TemporalServer
from temporal_common.queues import QueueLayout
from temporal_common.routing import Router

SLOTS: Final = 4
PROCESSES: Final = (1, 2, 4)

_POLLERS: Final = 2  # below the slots, so that eager execution takes part
_SECONDS: Final = 0.2
_ACTIVITIES: Final = 100  # for each process
_PER_WORKFLOW: Final = 10
_IDLE: Final = "idle"
_USED_UP: Final = 85.0  # percent
_EDGE: Final = 0.2  # of the activities at the beginning, and again at the end: not counted


@dataclass(frozen=True)
class Work:
    """What some processes did, and what it took."""

    per_second: float
    slots_in_use: float
    """Percent of their time that was spent in activities."""
    cpu: Mapping[str, float]
    """Percent of the time of all cores, by who used it."""


async def measure(run: Run) -> Measured:
    sides = {_side(count): count for count in PROCESSES}
    done: dict[str, list[Work]] = {side: [] for side in sides}
    async with run.server() as server:
        for number, order in run.each_round(*sides):
            for side in order:
                run.step(number, side)
                layout = QueueLayout(f"bench-{uuid4().hex[:8]}")
                environments = [worker(server, layout)] * sides[side]
                done[side].append(await work(run, server, layout, environments, _ACTIVITIES))
    per_second = {side: [work.per_second for work in done[side]] for side in sides}
    one, two, four = sides
    return Measured(
        [
            figure(per_second[one], per_second[two]),
            ratio(f"throughput, {four} ÷ {one}", per_second[four], per_second[one]),
            *(Figure(f"activities a second, {side}", "/s", per_second[side]) for side in sides),
            *(Figure(f"slots in use, {s}", "%", [w.slots_in_use for w in done[s]]) for s in sides),
        ],
        notes=[f"{side}: {what_limits(done[side])}." for side in sides],
    )


def figure(one: Sequence[float], two: Sequence[float]) -> Figure:
    return ratio("throughput, 2 processes ÷ 1 process", two, one, at_least=1.8)


def what_limits(done: Sequence[Work]) -> str:
    """From the medians of the rounds."""
    slots = statistics.median(work.slots_in_use for work in done)
    cpu = {name: statistics.median(work.cpu[name] for work in done) for name in done[0].cpu}
    used = ", ".join(f"{name} {percent:.0f} %" for name, percent in cpu.items())
    if slots >= _USED_UP:
        limit = "the slots are the limit"
    elif cpu[_IDLE] <= 100 - _USED_UP:
        most = max((name for name in cpu if name != _IDLE), key=lambda name: cpu[name])
        limit = f"the cores are the limit, and most of them goes to: {most}"
    else:
        limit = "the way from one activity to the next is the limit"
    return f"slots {slots:.0f} % in use; of the cores: {used}; {limit}"


def worker(server: TemporalServer, layout: QueueLayout) -> Mapping[str, str]:
    """The environment of one process."""
    return settings(
        server,
        layout.prefix,
        "errands",
        WORKER_MAX_CONCURRENT_ACTIVITIES=str(SLOTS),
        WORKER_ACTIVITY_POLLERS=str(_POLLERS),
    )


async def work(
    run: Run,
    server: TemporalServer,
    layout: QueueLayout,
    environments: Sequence[Mapping[str, str]],
    activities: int,
) -> Work:
    """What processes with these environments do of so many activities for each of them."""
    client = await client_of(server)
    async with run.processes(MODULE, *environments) as processes:
        whose = {
            "server": [server.pid],
            "workers": [process.pid for process in processes],
            "client": [os.getpid()],
        }
        before, since = _cpu(whose), time.perf_counter()
        began = await _run(client, layout, activities * len(environments))
        seconds = time.perf_counter() - since
        used = {name: cpu - before[name] for name, cpu in _cpu(whose).items()}
    in_all = seconds * (os.cpu_count() or 1)
    used["others"] = max(0.0, in_all - sum(used.values()))
    per_second = _rate(sorted(began))
    return Work(
        per_second,
        slots_in_use=100 * per_second * _SECONDS / (SLOTS * len(environments)),
        cpu={name: 100 * cpu / in_all for name, cpu in used.items()},
    )


async def _run(client: Client, layout: QueueLayout, activities: int) -> Sequence[float]:
    """When each began. Each of ten tenants has as many."""
    router, workflows = Router(layout), activities // _PER_WORKFLOW
    results = await asyncio.gather(
        *(
            client.execute_workflow(
                RunErrand.run,
                Errand(_SECONDS, count=_PER_WORKFLOW),
                id=f"errand-{uuid4().hex}",
                **router.tenant(f"tenant-{number % 10}", kind=ERRANDS).options(),
            )
            for number in range(workflows)
        )
    )
    return [ran.began for result in results for ran in result]


def _rate(began: Sequence[float]) -> float:
    first, last = int(len(began) * _EDGE), int(len(began) * (1 - _EDGE))
    return (last - first) / (began[last] - began[first])


def _cpu(whose: Mapping[str, Sequence[int]]) -> Mapping[str, float]:
    """In seconds. What is left of all cores' time was of others."""
    used = {name: sum(cpu_seconds(pid) for pid in pids) for name, pids in whose.items()}
    return {**used, _IDLE: idle_seconds()}


def _side(processes: int) -> str:
    return "1 process" if processes == 1 else f"{processes} processes"


BENCHMARK: Final = Benchmark(
    name="replicas",
    claim="A second process doubles the throughput of work that waits for others.",
    how=__doc__,
    measure=measure,
    rounds=3,
)
