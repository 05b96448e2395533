"""One tenant starts 2,000 activities of 100 ms on a worker with 16 slots. Once they wait, 20 small
tenants come with one activity each, five a second, on the same queue. The figure is how long these
wait from being scheduled to being run, the longest of the 20.

- **without keys**: starts without any priority or key.
- **ours**: the same starts with the router's options: each carries its tenant's fairness key.

One server for both, with the dynamic configuration that makes the key count: `enableFairness`, one
partition. Eager execution is on for both, as it is by default.
"""

from collections.abc import Sequence
from typing import Final
from uuid import uuid4

from benchmarks.frame.benchmark import Benchmark, Measured, Run
from benchmarks.frame.figures import Figure, milliseconds, percentile, ratio
from benchmarks.measures.load import MODULE, arrivals, client_of, flood, settings
from benchmarks.workloads.models import Tasks
from dev_servers.temporal_server import TemporalServer
from temporal_common.queues import QueueLayout
from temporal_common.routing import Route, RoutedPriority, Router

WITHOUT: Final = "without keys"
OURS: Final = "ours"

NOISY: Final = Tasks("sleep", 0.1, count=2000)
SLOTS: Final = 16

SMALL_TENANTS: Final = 20


async def measure(run: Run) -> Measured:
    waited: dict[str, list[float]] = {WITHOUT: [], OURS: []}
    async with run.server() as server:
        for number, sides in run.each_round(*waited):
            for side in sides:
                run.step(number, side)
                waited[side].append(
                    await small_tenants_wait(run, server, side, NOISY, SMALL_TENANTS)
                )
    return Measured(
        [
            figure(waited[WITHOUT], waited[OURS]),
            *(
                milliseconds(f"small tenants' schedule-to-start p99, {side}", seconds)
                for side, seconds in waited.items()
            ),
        ]
    )


def figure(without: Sequence[float], ours: Sequence[float]) -> Figure:
    return ratio(
        "small tenants' schedule-to-start p99, without keys ÷ ours", without, ours, at_least=30
    )


async def small_tenants_wait(
    run: Run, server: TemporalServer, side: str, noisy: Tasks, small_tenants: int
) -> float:
    """Seconds, the 99th percentile of the small tenants."""
    layout = QueueLayout(f"bench-{uuid4().hex[:8]}")
    router = Router(layout)

    def route(tenant: str) -> Route:
        ours = router.tenant(tenant)
        return ours if side == OURS else Route(ours.task_queue, RoutedPriority())

    client = await client_of(server)
    worker = settings(server, layout.prefix, "tenant", WORKER_MAX_CONCURRENT_ACTIVITIES=str(SLOTS))
    async with run.processes(MODULE, worker):
        await flood(client, route("noisy"), noisy)
        arrived = await arrivals(
            client,
            lambda number: route(f"small-{number}"),
            Tasks("sleep", 0.1),
            count=small_tenants,
            every=0.2,
        )
    return percentile([arrival.waited for arrival in arrived], 99)


BENCHMARK: Final = Benchmark(
    name="fairness",
    claim="A tenant with thousands of tasks does not make the small ones wait.",
    how=__doc__,
    measure=measure,
    rounds=3,
)
