"""What the checks of the doctor make of what they see."""

from datetime import UTC, datetime, timedelta

import pytest

from fleetctl.checks.fairness_probe import Start, earliness
from fleetctl.checks.queues import check_backlog, check_left_behind, check_pollers
from fleetctl.checks.settings import check_settings
from fleetctl.checks.temporal import parse_version
from fleetctl.checks.verdicts import Verdict, judged, left_out, ok, unknown
from fleetctl.checks.workers import findings
from fleetctl.presence import Presence
from fleetctl.seen_queues import SeenQueue
from fleetctl.verdict_list import summary
from temporal_common.queue_state import POLL_RENEWED_WITHIN, Poller, QueueState, TaskState
from temporal_common.queues import QueueLayout, TaskQueue

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NOTHING = TaskState(0, timedelta(0), False, ())


def tasks(*accesses: datetime) -> TaskState:
    """Of a queue that each of `worker-0`, `worker-1`, … has polled then."""
    pollers = tuple(Poller(f"worker-{number}", at) for number, at in enumerate(accesses))
    return TaskState(0, timedelta(0), False, pollers)


def waiting(age: float, *, rate_limited: bool = False) -> TaskState:
    return TaskState(7, timedelta(seconds=age), rate_limited, ())


def seen(
    shard: int = 0,
    *,
    running: int = 0,
    workflow: TaskState = NOTHING,
    activity: TaskState = NOTHING,
    polled: tuple[int, int] = (1, 1),
    in_layout: bool = True,
) -> SeenQueue:
    queue = TaskQueue("fleet", "tenant", shard)
    state = QueueState(queue.name, running, workflow, activity)
    return SeenQueue(queue, in_layout, state, *polled)


# Who lives


def test_a_poll_that_was_renewed_counts() -> None:
    fresh = NOW - POLL_RENEWED_WITHIN + timedelta(seconds=1)

    assert Presence().pollers("q", tasks(fresh, NOW), NOW) == 2


def test_a_poll_that_was_not_renewed_does_not_count() -> None:
    gone = NOW - POLL_RENEWED_WITHIN - timedelta(seconds=1)

    assert Presence().pollers("q", tasks(gone), NOW) == 0


def test_a_worker_that_is_too_busy_to_poll_counts() -> None:
    gone = NOW - timedelta(minutes=4)

    assert Presence(running=frozenset({"q"})).pollers("q", tasks(gone), NOW) == 1


def test_a_worker_that_has_stopped_does_not_count() -> None:
    stopped = Presence(stopped={("worker-0", "q"): NOW})

    assert stopped.pollers("q", tasks(NOW - timedelta(seconds=5)), NOW) == 0


def test_its_successor_of_the_same_identity_counts() -> None:
    stopped = Presence(stopped={("worker-0", "q"): NOW - timedelta(seconds=5)})

    assert stopped.pollers("q", tasks(NOW), NOW) == 1
    assert stopped.pollers("another", tasks(NOW - timedelta(seconds=9)), NOW) == 1


# Queues


@pytest.mark.parametrize(
    ("polled", "missing"),
    [((0, 0), "it"), ((1, 0), "its activity tasks"), ((0, 1), "its workflow tasks")],
)
def test_what_nobody_polls_is_named(polled: tuple[int, int], missing: str) -> None:
    [problem] = check_pollers([seen(running=1, polled=polled)]).problems

    assert problem.what == (
        f"1 running workflow and 0 waiting tasks on fleet.tenant.00, and nobody polls {missing}"
    )


def test_queues_that_wait_for_nothing_are_one_problem() -> None:
    checked = check_pollers([seen(shard, polled=(0, 0)) for shard in range(6)])

    [problem] = checked.problems
    assert problem.what.startswith("nobody polls fleet.tenant.00 … fleet.tenant.05 (6 queues)")
    assert checked.detail == "0 of 6 task queues are polled"


def test_a_queue_outside_the_layout_needs_no_poller_when_it_is_empty() -> None:
    assert check_left_behind([seen(9, polled=(0, 0), in_layout=False)]).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("state", "polled", "mend"),
    [
        (waiting(61), (1, 1), "the workers cannot keep up"),
        (waiting(61, rate_limited=True), (1, 1), "a rate limit of the queue holds them back"),
        (waiting(61), (0, 0), "start workers of 'tenant'"),
    ],
)
def test_a_task_that_waits_too_long_is_named_with_its_cause(
    state: TaskState, polled: tuple[int, int], mend: str
) -> None:
    checked = check_backlog([seen(activity=state, polled=polled)], timedelta(seconds=60))

    [problem] = checked.problems
    assert problem.what == ("about 7 activity tasks wait on fleet.tenant.00, the oldest for 1m1s")
    assert problem.mend.startswith(mend)


def test_a_task_that_waits_a_while_is_no_problem() -> None:
    checked = check_backlog([seen(workflow=waiting(59))], timedelta(seconds=60))

    assert (checked.verdict, checked.detail) == (
        Verdict.OK,
        "about 7 tasks wait, the oldest for 59s",
    )


# The order of tasks


@pytest.mark.parametrize(
    ("order", "share"), [("hhhhll", 0.0), ("llhhhh", 1.0), ("hllhhh", 0.75), ("hlhl", 0.25)]
)
def test_earliness_is_the_share_of_pairs_in_which_the_later_start_comes_first(
    order: str, share: float
) -> None:
    named = {"h": Start.HEAVY, "l": Start.LIGHT}

    assert earliness([named[o] for o in order], Start.LIGHT, {Start.HEAVY}) == share


# Settings and workers


SLOTS = "WORKER_MAX_CONCURRENT_ACTIVITIES"
POOL = "DATABASE_POOL_SIZE"


@pytest.mark.parametrize(
    ("variables", "reported", "verdict"),
    [
        ({}, [], Verdict.LEFT_OUT),
        ({SLOTS: "20", POOL: "20"}, [], Verdict.OK),
        ({SLOTS: "20", POOL: "19"}, [], Verdict.PROBLEM),
        ({SLOTS: "0"}, [], Verdict.PROBLEM),
        ({SLOTS: "9", "WORKER_ACTIVITY_POLLERS": "9"}, [], Verdict.PROBLEM),
        # The service's own default decides, which is not known here.
        ({"WORKER_ACTIVITY_POLLERS": "100"}, [], Verdict.OK),
        ({POOL: "19"}, [], Verdict.UNKNOWN),
        ({POOL: "4"}, [5, 20], Verdict.PROBLEM),
        ({POOL: "5"}, [5, 20], Verdict.OK),
        ({SLOTS: "10", POOL: "19"}, [20], Verdict.OK),
        ({"TEMPORAL_DEPLOYMENT_NAME": "tenant"}, [], Verdict.PROBLEM),
    ],
)
def test_settings_of_workers_are_compared_with_each_other_and_with_what_workers_report(
    variables: dict[str, str],
    reported: list[int],
    verdict: Verdict,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert check_settings(1, reported).verdict is verdict


@pytest.mark.parametrize(
    ("health", "what"),
    [
        ({"live": False, "reason": "blocked"}, "worker-tenant is not live: blocked"),
        ({"state": "draining", "reason": "SIGTERM"}, "worker-tenant is draining: SIGTERM"),
        (
            {"layout": {"prefix": "other"}},
            "worker-tenant has TEMPORAL_QUEUE_PREFIX=other, this command has fleet",
        ),
    ],
)
def test_what_a_worker_says_of_itself_is_named(health: dict[str, object], what: str) -> None:
    healthy = {"service": "worker-tenant", "state": "ready", "live": True, "identity": "w@pod"}

    assert findings(healthy, "http://pod/health", QueueLayout()) == []
    [problem] = findings({**healthy, **health}, "http://pod/health", QueueLayout())
    assert (problem.what, problem.where) == (what, "w@pod at http://pod/health")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1.32.0", (1, 32, 0)),
        ("v1.29", (1, 29, 0)),
        ("1.30.1-rc.2", (1, 30, 1)),
        ("main", None),
    ],
)
def test_the_version_of_a_server(text: str, version: tuple[int, int, int] | None) -> None:
    assert parse_version(text) == version


def test_the_summary_says_what_is_wrong_and_what_is_not_known() -> None:
    [problem] = check_pollers([seen(polled=(0, 0))]).problems
    wrong = judged("pollers", "", [problem, problem])

    assert summary([ok("a", ""), left_out("b", "")]) == "the fleet is healthy"
    assert summary([ok("a", ""), wrong]) == "2 problems"
    assert summary([wrong, unknown("b", "")]) == "2 problems; could not check: b"
