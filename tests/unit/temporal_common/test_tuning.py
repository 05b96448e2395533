"""How much a worker does at once: declared, overridden, and shared out to its queues."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from temporal_common.errors import SettingsError
from temporal_common.tuning import Tuning, load_tuning
from temporal_common.tuning_checks import tuning_findings


def test_the_environment_overrides_what_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = Tuning(max_concurrent_activities=20, max_concurrent_workflow_tasks=20)
    monkeypatch.setenv("WORKER_MAX_CONCURRENT_ACTIVITIES", "7")
    tuning = load_tuning(declared)

    assert tuning.max_concurrent_activities == 7
    assert tuning.max_concurrent_workflow_tasks == 20


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("WORKER_MAX_CONCURRENT_ACTIVITIES", "0"),
        ("WORKER_MAX_CONCURRENT_ACTIVITIES", "10001"),
        ("WORKER_MAX_CONCURRENT_ACTIVITIES_PER_TENANT", "0"),
        ("WORKER_MAX_CONCURRENT_ACTIVITIES_PER_TENANT", "1001"),
        ("WORKER_MAX_CONCURRENT_WORKFLOW_TASKS", "1"),
        ("WORKER_MAX_CACHED_WORKFLOWS", "-1"),
        ("WORKER_ACTIVITY_POLLERS", "0"),
        ("WORKER_WORKFLOW_POLLERS", "1"),
        ("WORKER_GRACEFUL_SHUTDOWN_TIMEOUT", "0"),
        ("WORKER_GRACEFUL_SHUTDOWN_TIMEOUT", "nan"),
        ("WORKER_GRACEFUL_SHUTDOWN_TIMEOUT", "3601"),
    ],
)
def test_a_value_out_of_its_range_is_one_line(
    monkeypatch: pytest.MonkeyPatch, key: str, value: str
) -> None:
    monkeypatch.setenv(key, value)
    with pytest.raises(SettingsError) as refusal:
        load_tuning(Tuning())

    assert str(refusal.value).startswith(f"{key}='{value}' is not valid: ")
    assert "\n" not in str(refusal.value)


def test_the_drain_limit_is_in_seconds() -> None:
    assert Tuning(graceful_shutdown_timeout=2.5).drain_limit == timedelta(seconds=2.5)


def test_the_only_queue_gets_all_of_it() -> None:
    tuning = Tuning(max_concurrent_activities=20)
    assert tuning.for_one_of(1) == tuning


def test_each_of_many_queues_gets_twice_its_share() -> None:
    share = Tuning(
        max_concurrent_activities=20, max_concurrent_workflow_tasks=50, max_cached_workflows=1000
    ).for_one_of(16)

    assert share.max_concurrent_activities == 3
    assert share.max_concurrent_workflow_tasks == 7
    assert share.max_cached_workflows == 125


@given(st.integers(2, 200), st.integers(2, 200), st.integers(0, 5000), st.integers(2, 200))
def test_what_waits_in_the_process_for_the_budget_is_bounded(
    activities: int, workflow_tasks: int, cached: int, queues: int
) -> None:
    tuning = Tuning(
        max_concurrent_activities=activities,
        max_concurrent_workflow_tasks=workflow_tasks,
        max_cached_workflows=cached,
        activity_pollers=min(5, activities - 1),
    )
    share = tuning.for_one_of(queues)

    assert share.max_concurrent_activities * queues - activities <= activities + 2 * queues
    assert share.max_concurrent_activities <= activities
    assert 2 <= share.max_concurrent_workflow_tasks <= workflow_tasks
    assert share.max_cached_workflows <= cached
    assert tuning_findings(share) == [], "a poll less than slots: eager execution is kept"
    Tuning(**share.model_dump())  # still within every range
