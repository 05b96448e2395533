"""The figures of stopping, moving and multiplying worker processes fall when these go wrong."""

import signal
from uuid import uuid4

import pytest

from benchmarks.frame.benchmark import Run
from benchmarks.measures import drain, replicas, reshard, shards
from benchmarks.workloads.errands.models import Errand
from benchmarks.workloads.specs import SPECS
from dev_servers.temporal_server import TemporalServer
from temporal_common import fleet
from temporal_common.connection import Connection
from temporal_common.interceptors import RunningActivities
from temporal_common.queues import QueueLayout
from temporal_common.testing import running_service


async def test_drain_needs_a_drain_limit(temporal: TemporalServer) -> None:
    limit = {"WORKER_GRACEFUL_SHUTDOWN_TIMEOUT": "0.1"}
    drained = await drain.end_a_worker(temporal, Errand(4.0), waiting=0, activities=3, tuning=limit)

    assert (drained.running, drained.cancelled) == (3, 3)
    assert not drain.cancelled_figure([drained]).holds


async def test_the_first_sticky_task_needs_a_drain(temporal: TemporalServer) -> None:
    killed = await drain.end_a_worker(
        temporal, Errand(0), waiting=2, activities=0, how=signal.SIGKILL
    )

    assert killed.exit_code == -signal.SIGKILL
    assert not drain.sticky_figure([killed]).holds


@pytest.mark.parametrize("budget", [shards.BUDGET, 1000])
async def test_shards_need_the_budget_of_the_process(
    temporal_connection: Connection, monkeypatch: pytest.MonkeyPatch, budget: int
) -> None:
    monkeypatch.setattr(
        fleet, "RunningActivities", lambda _budget, limiter: RunningActivities(budget, limiter)
    )
    layout = QueueLayout(f"bench-{uuid4().hex[:8]}", 8)
    async with running_service(
        [SPECS["errands"]], connection=temporal_connection, layout=layout
    ) as service:
        at_once = await shards.most_at_once(service.client, layout, Errand(0.5, count=5))

    assert shards.budget_figure([at_once]).holds == (budget == shards.BUDGET), at_once


async def test_resharding_needs_somebody_who_adopts(temporal: TemporalServer) -> None:
    only_its_own = {**reshard.ADOPTING, "WORKER_SHARDS": "0-1"}
    plan = reshard.Plan(
        few=2,
        many=8,
        steady=2.0,
        afterwards=1.0,
        every=0.1,
        few_settings=only_its_own,
        stuck_after=5.0,
    )
    seen = await reshard.reshard(Run(1), temporal, plan)

    assert not reshard.lost_figure(seen).holds
    assert not reshard.left_figure(seen).holds


async def test_replicas_need_a_common_queue(temporal: TemporalServer) -> None:
    async def per_second(*shares: bool) -> float:
        """Of as many processes, each with its share in the work or without."""
        layout, other = (QueueLayout(f"bench-{uuid4().hex[:8]}") for _ in range(2))
        workers = [replicas.worker(temporal, layout if share else other) for share in shares]
        return (await replicas.work(Run(1), temporal, layout, workers, 40)).per_second

    one, two, apart = (
        await per_second(True),
        await per_second(True, True),
        await per_second(True, False),
    )

    assert replicas.figure([one], [two]).median > 1.5
    broken = replicas.figure([one], [apart])
    assert broken.median < 1.3
    assert not broken.holds
