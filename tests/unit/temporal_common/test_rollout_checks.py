"""What is refused before work is moved, by what the server has described."""

from datetime import UTC, datetime, timedelta

import pytest

from temporal_common.deployments import Deployment, Version, VersionNotFound, VersionStatus
from temporal_common.queue_state import Poller
from temporal_common.rollout_checks import (
    InvalidPercentage,
    NothingToRollBack,
    VersionInUse,
    check_percentage,
    missing_queues,
    previous,
    require_unused,
)
from temporal_common.version_state import PINNED, VersionQueue, VersionState, running_query

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
CURRENT, DRAINED, DRAINING = VersionStatus.CURRENT, VersionStatus.DRAINED, VersionStatus.DRAINING


def version(
    build_id: str,
    status: VersionStatus = DRAINED,
    *,
    created: int = 0,
    last_current: int | None = None,
) -> Version:
    """Times in minutes from `NOW`."""
    return Version(
        deployment="worker-tenant",
        build_id=build_id,
        status=status,
        since=NOW,
        created=NOW + timedelta(minutes=created),
        last_current=None if last_current is None else NOW + timedelta(minutes=last_current),
        share=100 if status is CURRENT else 0,
        drainage_checked=NOW if status is DRAINING else None,
    )


def deployment(*versions: Version) -> Deployment:
    return Deployment("worker-tenant", versions, "", "", settled=True, conflict_token=b"")


def queue(
    name: str, *, polled: timedelta | None = None, by: str = "w1", backlog: int = 0
) -> VersionQueue:
    """`polled`: how long ago, by a worker of that identity."""
    pollers = () if polled is None else (Poller(by, datetime.now(UTC) - polled),)
    return VersionQueue(name, "workflow", pollers, backlog, timedelta())


def state(*queues: VersionQueue, of: Version | None = None) -> VersionState:
    return VersionState(of or version("v1"), queues)


@pytest.mark.parametrize("percentage", [0.01, 1, 50, 99.99])
def test_a_share_between_nothing_and_all_is_a_ramp(percentage: float) -> None:
    assert check_percentage(percentage) == percentage


@pytest.mark.parametrize("percentage", [0, 0.001, 100, -1, 101, float("nan"), float("inf")])
def test_nothing_all_and_more_are_no_ramp(percentage: float) -> None:
    with pytest.raises(InvalidPercentage, match=r"is not a ramp; valid: 0\.01 to 99\.99"):
        check_percentage(percentage)


def test_the_version_before_is_the_last_that_was_current() -> None:
    v1 = version("v1", created=0, last_current=1)
    v2 = version("v2", created=10, last_current=11)
    never = version("v3", created=20)
    v4 = version("v4", CURRENT, created=30, last_current=31)

    assert previous(deployment(v4, never, v2, v1)) is v2


def test_after_a_rollback_nothing_is_before() -> None:
    v1 = version("v1", CURRENT, created=0, last_current=12)
    v2 = version("v2", DRAINING, created=10, last_current=11)

    with pytest.raises(NothingToRollBack, match="went back already, from 'v2' to 'v1'"):
        previous(deployment(v2, v1))


def test_when_the_version_that_was_gone_back_from_is_replaced_going_back_works_again() -> None:
    v1 = version("v1", created=0, last_current=12)
    bad = version("v2", created=10, last_current=11)
    fixed = version("v3", CURRENT, created=20, last_current=21)

    assert previous(deployment(fixed, bad, v1)) is v1


def test_the_first_version_has_none_before_it() -> None:
    first = version("v1", CURRENT, last_current=1)

    with pytest.raises(NothingToRollBack, match="was current before 'v1'; for unversioned"):
        previous(deployment(version("v2", VersionStatus.INACTIVE, created=5), first))
    with pytest.raises(NothingToRollBack, match="has no current version and no ramp"):
        previous(deployment(version("v2", VersionStatus.INACTIVE)))


def test_an_unknown_version_is_named_with_those_that_there_are() -> None:
    with pytest.raises(VersionNotFound, match=r"has no version 'v9'; there is: v2, v1 \("):
        deployment(version("v2"), version("v1")).version("v9")


def test_a_queue_is_missing_if_a_running_worker_of_the_current_version_polls_it() -> None:
    seconds = timedelta(seconds=5)
    current = state(queue("a", polled=seconds), queue("b", polled=seconds))

    assert missing_queues(state(queue("a", polled=seconds)), current) == ["b (workflow)"]


def test_a_queue_that_the_current_version_has_left_is_not_missing() -> None:
    seconds = timedelta(seconds=5)
    new = state(queue("a", polled=seconds))

    assert missing_queues(new, state(queue("a", polled=seconds), queue("left"))) == []
    holding = state(queue("a", polled=seconds), queue("left", backlog=1))
    assert missing_queues(new, holding) == ["left (workflow)"]


def test_when_all_workers_of_the_current_version_are_gone_it_still_answers_for_its_queues() -> None:
    gone = timedelta(minutes=3)  # listed, and silent for longer than a poll takes
    current = state(queue("a", polled=gone), queue("b"))

    assert missing_queues(state(queue("a", polled=timedelta())), current) == ["b (workflow)"]


def test_a_worker_that_polls_another_queue_is_there_for_a_queue_that_it_polled_lately() -> None:
    """All its activity slots are taken, so it does not ask for activities."""
    busy = state(
        queue("workflows", polled=timedelta(seconds=5)),
        queue("activities", polled=timedelta(minutes=3)),
    )

    assert [queue.name for queue in busy.polled()] == ["workflows", "activities"]
    assert busy.workers() == {"w1"}


def test_a_version_without_work_workers_and_share_is_unused() -> None:
    require_unused(state(queue("a"), of=version("v1", DRAINED)), 0)
    require_unused(state(of=version("v1", VersionStatus.INACTIVE)), 0)


def test_all_that_a_version_is_used_for_is_named_at_once() -> None:
    draining = version("v1", DRAINING)
    polled = state(queue("a", polled=timedelta(minutes=4)), of=draining)
    with pytest.raises(VersionInUse) as raised:
        require_unused(polled, 2)
    assert str(raised.value) == (
        "worker-tenant:v1 is in use: 2 pinned workflows are open on it; w1 polls for it, or did "
        "within the last five minutes; stop its workers when no workflow is open, and wait"
    )

    with pytest.raises(VersionInUse, match=r"has not noticed yet \(it looked at 12:00:00 UTC\)$"):
        require_unused(state(of=draining), 0)
    with pytest.raises(VersionInUse, match=r"it is current, so it gets new workflows$"):
        require_unused(state(of=version("v1", CURRENT)), 0)


def test_the_visibility_query_has_the_servers_delimiter_and_quotes_what_it_must() -> None:
    assert running_query(version("it's"), PINNED).startswith(
        "TemporalWorkerDeploymentVersion = 'worker-tenant:it''s' AND "
    )
