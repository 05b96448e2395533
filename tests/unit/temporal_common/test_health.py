"""States of a service, and what they mean for liveness."""

import time

import pytest

from temporal_common.health import Health, PolledQueue, State
from temporal_common.interceptors import RunningActivities


@pytest.fixture
def health() -> Health:
    return Health(
        service="worker-tenant",
        workload="tenant",
        version="1.2.3",
        build_id="abc",
        identity="worker-tenant@pod",
        blocked_after=30.0,
    )


def test_it_begins_as_starting_and_is_live(health: Health) -> None:
    assert health.state is State.STARTING
    assert health.live() == (True, "live")


def test_what_it_waits_for_is_its_reason_and_does_not_kill_it(health: Health) -> None:
    health.starting("Temporal cannot be reached")

    assert health.live()[0]
    assert (health.describe()["state"], health.describe()["reason"]) == (
        "starting",
        "Temporal cannot be reached",
    )


def test_it_is_live_while_it_drains(health: Health) -> None:
    health.draining("SIGTERM")

    assert health.live()[0]
    assert health.describe()["reason"] == "SIGTERM"


def test_it_is_not_live_when_a_worker_has_ended(health: Health) -> None:
    health.failed("worker of fleet.tenant.00 ended: no")

    assert health.live() == (False, "worker of fleet.tenant.00 ended: no")


def test_it_is_not_live_when_the_loop_does_not_turn(health: Health) -> None:
    health.ready()
    health._turned_at = time.monotonic() - 31

    assert health.live() == (False, "event loop blocked for 31 s; an activity does not await")
    assert health.describe()["reason"].startswith("event loop blocked")
    health.loop_turned()
    assert health.live()[0]


def test_it_describes_itself(health: Health) -> None:
    tenant, jobs = RunningActivities(20), RunningActivities(50)
    health.running += [tenant, jobs]
    tenant.count, jobs.count = 2, 3
    health.task_queues.append(PolledQueue("fleet.tenant.00", "tenant", polled=True))
    health.layout = {"prefix": "fleet", "shards": 1, "part": "all"}
    health.tuning["tenant"] = {"max_concurrent_activities": 20, "database_pool_size": None}
    health.ready()

    assert health.describe() == {
        "service": "worker-tenant",
        "workload": "tenant",
        "version": "1.2.3",
        "build_id": "abc",
        "identity": "worker-tenant@pod",
        "state": "ready",
        "reason": "every task queue is polled",
        "live": True,
        "running_activities": 5,
        "layout": {"prefix": "fleet", "shards": 1, "part": "all"},
        "tuning": {"tenant": {"max_concurrent_activities": 20, "database_pool_size": None}},
        "tenant_limits": [],
        "task_queues": [
            {"name": "fleet.tenant.00", "workload": "tenant", "polled": True, "adopted": False}
        ],
    }
