"""A flood of jobs: 2,000 activities of 200 ms. Meanwhile 40 tenants arrive, ten a second, each with
a workflow of one activity of 100 ms. The figure is how long their activities wait from being
scheduled to being run, the longest of the 40.

- **one worker, one queue**: everything registered in one process, 20 activity slots. The design
  that this project replaces, made with the same library.
- **ours**: one process for tenants with 4 slots, one for jobs with 16, each on its own queue.
"""

from collections.abc import Sequence
from typing import Final

from benchmarks.frame.benchmark import Benchmark, Measured, Run
from benchmarks.frame.figures import Figure, milliseconds, percentile, ratio
from benchmarks.measures.designs import ONE_WORKER, OURS, Size, tenants_behind_jobs
from benchmarks.measures.load import Arrival
from benchmarks.workloads.models import Tasks

SIZE: Final = Size(Tasks("sleep", 0.2, count=2000))


async def measure(run: Run) -> Measured:
    waited: dict[str, list[float]] = {ONE_WORKER: [], OURS: []}
    async with run.server() as server:
        for number, designs in run.each_round(*waited):
            for design in designs:
                run.step(number, design)
                waited[design].append(
                    longest_wait(await tenants_behind_jobs(run, server, design, SIZE))
                )
    return Measured(
        [
            figure(waited[ONE_WORKER], waited[OURS]),
            *(
                milliseconds(f"tenants' schedule-to-start p99, {design}", seconds)
                for design, seconds in waited.items()
            ),
        ]
    )


def longest_wait(arrived: Sequence[Arrival]) -> float:
    return percentile([arrival.waited for arrival in arrived], 99)


def figure(one_worker: Sequence[float], ours: Sequence[float]) -> Figure:
    return ratio("tenants' schedule-to-start p99, one worker ÷ ours", one_worker, ours, at_least=50)


BENCHMARK: Final = Benchmark(
    name="isolation",
    claim="A flood of one kind of work does not make another kind wait.",
    how=__doc__,
    measure=measure,
    rounds=3,
)
