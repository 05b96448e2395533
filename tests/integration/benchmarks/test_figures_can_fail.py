"""Each benchmark measures what it says: without the thing that makes its figure, the figure falls.

At a reduced size; the healthy side is only asked to be clearly on its side of the broken one.
"""

import pytest

from benchmarks.frame.benchmark import Run
from benchmarks.measures import designs, dispatch, fairness, isolation
from benchmarks.workloads.models import Tasks
from dev_servers.temporal_server import TemporalServer
from temporal_common.routing import Route, Router


class OneQueue(Router):
    """Sends the tenants' work where the jobs are."""

    def tenant(self, tenant: str, **_options: object) -> Route:
        return self.job()


async def test_isolation_needs_the_routing(
    temporal: TemporalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = designs.Size(Tasks("sleep", 0.5, count=90), tenants=6)

    async def wait(design: str) -> float:
        arrived = await designs.tenants_behind_jobs(Run(1), temporal, design, size)
        return isolation.longest_wait(arrived)

    one_worker, ours = await wait(designs.ONE_WORKER), await wait(designs.OURS)
    monkeypatch.setattr(designs, "Router", OneQueue)
    misrouted = await wait(designs.OURS)

    assert isolation.figure([one_worker], [ours]).median > 4
    broken = isolation.figure([one_worker], [misrouted])
    assert broken.median < 2
    assert not broken.holds


async def test_fairness_needs_the_key(
    temporal: TemporalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    noisy = Tasks("sleep", 0.2, count=180)

    async def wait(side: str) -> float:
        return await fairness.small_tenants_wait(Run(1), temporal, side, noisy, small_tenants=4)

    without, ours = await wait(fairness.WITHOUT), await wait(fairness.OURS)
    monkeypatch.setattr("temporal_common.routing.fairness_key", lambda _tenant: "everyone")
    one_key = await wait(fairness.OURS)

    assert fairness.figure([without], [ours]).median > 2.5
    broken = fairness.figure([without], [one_key])
    assert broken.median < 2
    assert not broken.holds


async def test_dispatch_needs_pollers_below_the_slots() -> None:
    pollers = {**dispatch.POLLERS, "broken": dispatch.SLOTS}
    waited = await dispatch.waits(Run(1), pollers, workflows=10)

    without = waited[dispatch.NO_FREE_SLOT]
    healthy = dispatch.figure(waited[dispatch.OURS], without)
    broken = dispatch.figure(waited["broken"], without)
    assert not broken.holds
    assert healthy.median < broken.median / 2
