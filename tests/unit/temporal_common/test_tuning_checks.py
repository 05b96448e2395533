"""Whether the values of a tuning go together."""

import pytest

from temporal_common.tuning import Tuning
from temporal_common.tuning_checks import tuning_findings
from temporal_common.versioning import MAX_QUEUES_OF_A_VERSION


def test_the_defaults_go_together() -> None:
    assert tuning_findings(Tuning()) == []


@pytest.mark.parametrize(
    ("tuning", "further", "setting", "mend"),
    [
        (
            Tuning(max_concurrent_activities=5),
            {},
            "WORKER_ACTIVITY_POLLERS=5",
            "set it to 4, or have more slots",
        ),
        (
            Tuning(max_concurrent_activities=4, activity_pollers=40, poller_autoscaling=True),
            {},
            "WORKER_ACTIVITY_POLLERS=40",
            "set it to 3, or have more slots",
        ),
        (
            Tuning(max_concurrent_activities=20, activity_threads=19),
            {},
            "WORKER_ACTIVITY_THREADS=19",
            "leave it out",
        ),
        (
            Tuning(max_concurrent_activities=20),
            {"pool_size": 19},
            "DATABASE_POOL_SIZE=19",
            "raise it to 20, or lower the slots to 19",
        ),
        (
            Tuning(graceful_shutdown_timeout=45, termination_grace_period=55),
            {},
            "WORKER_TERMINATION_GRACE_PERIOD=55",
            "raise the pod's terminationGracePeriodSeconds",
        ),
        (
            Tuning(),
            {"queues": MAX_QUEUES_OF_A_VERSION + 1, "versioned": True},
            "TEMPORAL_QUEUE_SHARDS=101",
            "set at most 100",
        ),
        (
            Tuning(max_concurrent_activities_per_tenant=2),
            {"limits_tenants": False},
            "WORKER_MAX_CONCURRENT_ACTIVITIES_PER_TENANT=2",
            "leave it out",
        ),
    ],
)
def test_each_fault_is_one_line_with_its_setting_and_its_mend(
    tuning: Tuning, further: dict[str, int | bool], setting: str, mend: str
) -> None:
    [finding] = tuning_findings(tuning, **further)  # type: ignore[arg-type]
    assert finding.startswith(f"{setting} ")
    assert mend in finding
    assert "\n" not in finding


@pytest.mark.parametrize(
    ("tuning", "further"),
    [
        (Tuning(max_concurrent_activities=1, activity_pollers=1), {}),  # nothing is below 1
        (Tuning(max_concurrent_activities=6), {}),
        (Tuning(max_concurrent_activities=20, activity_threads=20), {"pool_size": 20}),
        (Tuning(graceful_shutdown_timeout=45, termination_grace_period=56), {}),
        (Tuning(), {"queues": MAX_QUEUES_OF_A_VERSION, "versioned": True}),
        (Tuning(), {"queues": MAX_QUEUES_OF_A_VERSION + 1}),
    ],
)
def test_what_just_fits_is_no_fault(tuning: Tuning, further: dict[str, int | bool]) -> None:
    assert tuning_findings(tuning, **further) == []  # type: ignore[arg-type]
