"""An unloaded worker runs one workflow of one empty activity after another, 30 in a round. The
figure is how long the activity waits from being scheduled to being run, in the median.

- **ours**: 20 activity slots and 5 pollers, the default of worker-tenant. An idle poller holds a
  slot; 15 are free, so the server hands the activity to the worker that completes the workflow task
  (eager execution).
- **slots ≤ pollers**: 20 slots and 20 pollers. All slots are held by pollers, no activity is eager,
  each takes the way through the queue. A service refuses to start like this; here the check of
  its tuning is passed by.
"""

from collections.abc import Sequence
from typing import Final
from uuid import uuid4

from benchmarks.frame.benchmark import Benchmark, Measured, Run
from benchmarks.frame.figures import Figure, milliseconds, percentile, ratio
from benchmarks.measures.load import MODULE, client_of, in_turn, settings
from benchmarks.workloads.models import Tasks
from temporal_common.queues import QueueLayout
from temporal_common.routing import Router
from temporal_common.tuning import Tuning

OURS: Final = "ours"
NO_FREE_SLOT: Final = "slots ≤ pollers"
SLOTS: Final = 20
POLLERS: Final = {OURS: Tuning().activity_pollers, NO_FREE_SLOT: SLOTS}

_WORKFLOWS: Final = 30
_WARM_UP: Final = 10
"""The polls of a fresh worker return at once for a while, and a free slot is there by chance."""


async def measure(run: Run) -> Measured:
    waited = await waits(run, POLLERS, _WORKFLOWS)
    return Measured(
        [
            figure(waited[OURS], waited[NO_FREE_SLOT]),
            *(
                milliseconds(f"schedule-to-start p50, {side}", seconds)
                for side, seconds in waited.items()
            ),
        ]
    )


def figure(ours: Sequence[float], no_free_slot: Sequence[float]) -> Figure:
    return ratio("schedule-to-start p50, ours ÷ slots ≤ pollers", ours, no_free_slot, at_most=1 / 3)


async def waits(run: Run, pollers: dict[str, int], workflows: int) -> dict[str, list[float]]:
    """Seconds, the median of each round, by side; `pollers` are those of each side."""
    waited: dict[str, list[float]] = {side: [] for side in pollers}
    layouts = {side: QueueLayout(f"bench-{uuid4().hex[:8]}") for side in pollers}
    async with run.server() as server:
        processes = [
            settings(
                server,
                layouts[side].prefix,
                "tenant",
                WORKER_MAX_CONCURRENT_ACTIVITIES=str(SLOTS),
                WORKER_ACTIVITY_POLLERS=str(count),
                BENCH_UNCHECKED="1",
            )
            for side, count in pollers.items()
        ]
        client = await client_of(server)
        async with run.processes(MODULE, *processes):
            routes = {side: Router(layouts[side]).tenant("acme") for side in pollers}
            for route in routes.values():
                await in_turn(client, route, Tasks("sleep", 0), count=_WARM_UP)
            for number, sides in run.each_round(*pollers):
                for side in sides:
                    run.step(number, side)
                    seconds = await in_turn(
                        client, routes[side], Tasks("sleep", 0), count=workflows
                    )
                    waited[side].append(percentile(seconds, 50))
    return waited


BENCHMARK: Final = Benchmark(
    name="dispatch",
    claim="By our defaults an activity starts at once.",
    how=__doc__,
    measure=measure,
    rounds=5,
)
