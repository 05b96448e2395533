"""A flood of jobs: 2,000 activities of 200 ms. Meanwhile 40 tenants arrive, ten a second, each with
a workflow of one activity of 100 ms. The figure is how long their activities wait from being
scheduled to being run, the longest of the 40.

- **one worker, one queue**: everything registered in one process, 20 activity slots. The design
  that this project replaces, made with the same library.
- **ours**: one process for tenants with 4 slots, one for jobs with 16, each on its own queue.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from benchmarks.frame.benchmark import Benchmark, Measured, Run
from benchmarks.frame.figures import Figure, percentile, ratio
from benchmarks.measures.load import MODULE, arrivals, client_of, flood, settings
from benchmarks.workloads.models import Tasks
from benchmarks.workloads.specs import EVERYTHING
from dev_servers.temporal_server import TemporalServer
from temporal_common.queues import QueueLayout
from temporal_common.routing import Router

ONE_WORKER: Final = "one worker, one queue"
OURS: Final = "ours"
AT_LEAST: Final = 50


@dataclass(frozen=True)
class Size:
    """How much there is to do; tests take less."""

    jobs: int = 2000
    job_seconds: float = 0.2
    tenants: int = 40


async def measure(run: Run) -> Measured:
    waited: dict[str, list[float]] = {ONE_WORKER: [], OURS: []}
    async with run.server() as server:
        for number, sides in run.each_round(ONE_WORKER, OURS):
            for side in sides:
                run.step(number, side)
                waited[side].append(await tenants_wait(run, server, side, Size()))
    return Measured([figure(waited[ONE_WORKER], waited[OURS]), *_milliseconds(waited)])


def figure(one_worker: Sequence[float], ours: Sequence[float]) -> Figure:
    return ratio(
        "tenant's schedule-to-start p99, one worker ÷ ours", one_worker, ours, at_least=AT_LEAST
    )


async def tenants_wait(run: Run, server: TemporalServer, side: str, size: Size) -> float:
    """Seconds, the 99th percentile of the tenants."""
    layout = QueueLayout(f"bench-{uuid4().hex[:8]}")
    router = Router(layout)
    workloads = ["everything"] if side == ONE_WORKER else ["tenant", "jobs"]
    processes = [settings(server, layout.prefix, workload) for workload in workloads]
    client = await client_of(server)
    async with run.processes(MODULE, *processes):
        everything = router.job(kind=EVERYTHING)
        jobs = everything if side == ONE_WORKER else router.job()
        await flood(client, jobs, Tasks("sleep", size.job_seconds, size.jobs))
        arrived = await arrivals(
            client,
            lambda number: everything if side == ONE_WORKER else router.tenant(f"tenant-{number}"),
            Tasks("sleep", 0.1),
            count=size.tenants,
            every=0.1,
        )
    return percentile([arrival.waited for arrival in arrived], 99)


def _milliseconds(waited: dict[str, list[float]]) -> list[Figure]:
    return [
        Figure(f"tenant's schedule-to-start p99, {side}", "ms", [1000 * s for s in seconds])
        for side, seconds in waited.items()
    ]


BENCHMARK: Final = Benchmark(
    name="isolation",
    claim="A flood of one kind of work does not make another kind wait.",
    how=__doc__,
    measure=measure,
    rounds=3,
)
