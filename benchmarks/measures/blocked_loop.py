"""A flood of 24 jobs that each hold the event loop for 500 ms, as a synchronous driver in an
`async def` does. Meanwhile 40 tenants arrive, ten a second, each with a workflow of one activity of
100 ms. The figure is how long a tenant's workflow takes from its start to its end, the longest of
the 40.

- **one process, two queues**: a Worker for tenants with 4 slots and one for jobs with 16, both in
  one process: only the process is shared.
- **ours**: the same two Workers, each in a process of its own.
- **one worker, one queue**: everything in one Worker with 20 slots, for comparison.
"""

from collections.abc import Sequence
from typing import Final

from benchmarks.frame.benchmark import Benchmark, Measured, Run
from benchmarks.frame.figures import Figure, milliseconds, percentile, ratio
from benchmarks.measures.designs import ONE_PROCESS, ONE_WORKER, OURS, Size, tenants_behind_jobs
from benchmarks.measures.load import Arrival
from benchmarks.workloads.models import Tasks

SIZE: Final = Size(Tasks("block", 0.5, count=24))


async def measure(run: Run) -> Measured:
    took: dict[str, list[float]] = {ONE_PROCESS: [], OURS: [], ONE_WORKER: []}
    async with run.server() as server:
        for number, designs in run.each_round(*took):
            for design in designs:
                run.step(number, design)
                took[design].append(slowest(await tenants_behind_jobs(run, server, design, SIZE)))
    return Measured(
        [
            figure(took[ONE_PROCESS], took[OURS]),
            *(
                milliseconds(f"tenants' end to end p99, {design}", seconds)
                for design, seconds in took.items()
            ),
        ]
    )


def slowest(arrived: Sequence[Arrival]) -> float:
    return percentile([arrival.whole for arrival in arrived], 99)


def figure(one_process: Sequence[float], ours: Sequence[float]) -> Figure:
    return ratio("tenants' end to end p99, one process ÷ ours", one_process, ours, at_least=10)


BENCHMARK: Final = Benchmark(
    name="blocked-loop",
    claim="Code that blocks the event loop of one workload does not stop another.",
    how=__doc__,
    measure=measure,
    rounds=3,
)
