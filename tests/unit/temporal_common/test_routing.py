"""Where work goes: stable, balanced, and within the server's limits."""

import doctest
import math
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from temporal_common import routing
from temporal_common.queues import JOBS, Kind, QueueLayout
from temporal_common.routing import BULK, INTERACTIVE, NORMAL, Router, fairness_key, shard_of

# Never change a line of this table: running workflows of these tenants live on these shards.
PINNED = {
    # tenant: shard of 1, 2, 4, 32, 64, 1000
    "acme": [0, 0, 0, 26, 26, 26],
    "globex": [0, 1, 1, 28, 59, 965],
    "initech": [0, 1, 1, 16, 16, 263],
    "umbrella": [0, 0, 3, 20, 48, 468],
    "a": [0, 0, 0, 11, 11, 379],
    "ünïcode": [0, 0, 3, 27, 27, 501],
    "tenant-000001": [0, 1, 2, 26, 35, 866],
    "x" * 100: [0, 1, 2, 4, 4, 339],
}

tenants = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80)
counts = st.integers(1, 200)


@pytest.mark.parametrize("tenant", PINNED)
def test_the_shard_of_a_tenant_never_changes(tenant: str) -> None:
    assert [shard_of(tenant, shards) for shards in (1, 2, 4, 32, 64, 1000)] == PINNED[tenant]


def test_the_shard_does_not_depend_on_the_process() -> None:
    program = "from temporal_common.routing import shard_of; print(shard_of('acme', 1000))"
    seen = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert seen == {"26"}


@pytest.mark.parametrize(("shards", "fullest"), [(4, 1.05), (32, 1.2), (64, 1.3)])
def test_ten_thousand_tenants_spread_evenly(shards: int, fullest: float) -> None:
    load = Counter(shard_of(f"tenant-{number}", shards) for number in range(10_000))

    assert len(load) == shards
    assert max(load.values()) / (10_000 / shards) < fullest


@given(tenants, counts, counts)
def test_growing_moves_a_tenant_only_to_a_new_shard(tenant: str, few: int, more: int) -> None:
    few, more = sorted((few, more))
    before, after = shard_of(tenant, few), shard_of(tenant, more)

    assert after == before or few <= after < more


@pytest.mark.parametrize(("few", "many"), [(1, 2), (4, 8), (32, 64), (32, 33)])
def test_growing_moves_no_more_tenants_than_the_new_shards_need(few: int, many: int) -> None:
    moved = sum(shard_of(f"t{n}", few) != shard_of(f"t{n}", many) for n in range(10_000))

    assert moved / 10_000 == pytest.approx((many - few) / many, abs=0.02)


@given(tenants)
def test_a_fairness_key_fits_into_the_servers_64_bytes(tenant: str) -> None:
    assert 0 < len(fairness_key(tenant).encode()) <= 64


@given(tenants)
def test_a_fairness_key_that_fits_is_the_tenant_itself(tenant: str) -> None:
    assert (fairness_key(tenant) == tenant) == (len(tenant.encode()) <= 64)


def test_long_names_with_the_same_beginning_have_fairness_keys_of_their_own() -> None:
    assert fairness_key("x" * 80 + "a") != fairness_key("x" * 80 + "b")


def test_a_tenants_work_has_its_queue_its_priority_and_its_fairness_key() -> None:
    route = Router(QueueLayout("fleet", shards=4)).tenant("umbrella", urgency=BULK, weight=0.5)

    assert route.options()["task_queue"] == "fleet.tenant.03"
    assert route.options()["priority"].priority_key == BULK
    assert route.options()["priority"].fairness_key == "umbrella"
    assert route.options()["priority"].fairness_weight == 0.5


def test_a_job_of_the_system_belongs_to_no_tenant() -> None:
    route = Router(QueueLayout("fleet", shards=4)).job(urgency=INTERACTIVE)

    assert route.task_queue == "fleet.jobs.00"
    assert route.priority.priority_key == INTERACTIVE
    assert route.priority.fairness_key is None


def test_a_kind_of_a_teams_own_is_routed_in_the_same_way() -> None:
    router = Router(QueueLayout("fleet", shards=4))

    reports = router.tenant("umbrella", kind=Kind("reports", sharded=True))
    exports = router.job(kind=Kind("exports", sharded=False))

    assert (reports.task_queue, exports.task_queue) == ("fleet.reports.03", "fleet.exports.00")


@pytest.mark.parametrize("weight", [0, -1, 0.0009, 1000.1, math.inf, math.nan])
def test_a_weight_out_of_the_servers_range_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match=r"valid: 0\.001 to 1000"):
        Router(QueueLayout()).tenant("acme", weight=weight)


@pytest.mark.parametrize("weight", [0.001, 1, 1000])
def test_the_ends_of_the_servers_range_of_weights_are_allowed(weight: float) -> None:
    assert Router(QueueLayout()).tenant("acme", weight=weight).priority.fairness_weight == weight


@pytest.mark.parametrize("urgency", [0, 6, -1])
def test_an_urgency_that_is_no_priority_key_is_refused(urgency: int) -> None:
    with pytest.raises(ValueError, match="valid: 1 to 5"):
        Router(QueueLayout()).tenant("acme", urgency=urgency)


def test_work_of_no_tenant_has_no_route_as_a_tenants() -> None:
    with pytest.raises(ValueError, match="a tenant's key is empty"):
        Router(QueueLayout()).tenant("")


def test_the_default_urgency_is_temporals() -> None:
    assert Router(QueueLayout()).job(kind=JOBS).priority.priority_key == NORMAL == 3


@pytest.mark.parametrize("shards", [0, -1])
def test_there_is_no_shard_of_none(shards: int) -> None:
    with pytest.raises(ValueError, match="valid: 1 or more"):
        shard_of("acme", shards)


def test_the_example_in_the_documentation_is_true() -> None:
    results = doctest.testmod(routing)
    assert (results.failed, results.attempted) == (0, 1)
