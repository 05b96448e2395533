"""Whether every task queue is served: pollers, what a larger layout left behind, waiting tasks."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from fleetctl.checks.verdicts import Checked, Problem, judged
from fleetctl.durations import format_duration

if TYPE_CHECKING:
    from fleetctl.seen_queues import SeenQueue
    from temporal_common.queue_state import TaskState

POLLERS: Final = "pollers"
LEFT_BEHIND: Final = "left behind"
BACKLOG: Final = "backlog"

LONGEST_WAIT: Final = timedelta(seconds=60)
"""A task that has waited longer is a problem, unless the command says otherwise."""


def check_pollers(queues: Sequence["SeenQueue"]) -> Checked:
    """That workers poll each queue of the layout, for both types of tasks."""
    from temporal_common.resharding import named

    ours = [queue for queue in queues if queue.in_layout]
    silent = [queue for queue in ours if not queue.polled]
    holding = [queue for queue in silent if not queue.state.empty]
    idle = [queue for queue in silent if queue.state.empty]
    problems = [
        Problem(
            f"{_work(queue)} on {queue.name}, and nobody polls {_missing(queue)}",
            queue.name,
            _start_workers(queue),
        )
        for queue in holding
    ]
    problems += [
        Problem(
            f"nobody polls {named([queue.shard for queue in of_kind])}: work that is sent there "
            "will wait",
            f"{of_kind[0].queue.prefix}.{kind}",
            _start_workers(of_kind[0]),
        )
        for kind, of_kind in _by_kind(idle)
    ]
    served = len(ours) - len(silent)
    return judged(POLLERS, f"{served} of {len(ours)} task queues are polled", problems)


def check_left_behind(queues: Sequence["SeenQueue"]) -> Checked:
    """That workers poll what a layout with more shards left."""
    from temporal_common.resharding import named

    left = [queue for queue in queues if not queue.in_layout and not queue.state.empty]
    problems = [
        Problem(
            f"{_work(queue)} on {queue.name}, which is outside the layout, and nobody polls "
            f"{_missing(queue)}",
            queue.name,
            f"start workers of {queue.queue.kind!r} that adopt it (they look for such queues by "
            "themselves, within a minute), or let clients and workers have TEMPORAL_QUEUE_SHARDS "
            f"of {queue.queue.shard + 1} or more until it is empty; see: fleetctl shards status",
        )
        for queue in left
        if not queue.polled
    ]
    if not left:
        return judged(LEFT_BEHIND, "no work outside the layout", [])
    running = sum(queue.state.running_workflows for queue in left)
    shards = [queue.shard for queue in left]
    draining = len(left) - len(problems)
    return judged(
        LEFT_BEHIND,
        f"{running} running workflows outside the layout, on {named(shards)}; "
        f"{draining} of {len(left)} such queues are polled until they are empty",
        problems,
    )


def check_backlog(queues: Sequence["SeenQueue"], longest: timedelta) -> Checked:
    """That no task has waited longer than `longest`."""
    problems = []
    oldest = timedelta(0)
    tasks = 0
    for queue in queues:
        for type, state in (("workflow", queue.state.workflow), ("activity", queue.state.activity)):
            tasks += state.backlog
            if not state.backlog:
                continue
            oldest = max(oldest, state.backlog_age)
            if state.backlog_age > longest:
                problems.append(_waits_too_long(queue, type, state))
    waiting = f"about {tasks} tasks wait, the oldest for {format_duration(oldest)}"
    return judged(BACKLOG, waiting if tasks else "no task waits", problems)


def _waits_too_long(queue: "SeenQueue", type: str, state: "TaskState") -> Problem:
    what = (
        f"about {state.backlog} {type} tasks wait on {queue.name}, the oldest for "
        f"{format_duration(state.backlog_age)}"
    )
    if state.rate_limited:
        mend = (
            "a rate limit of the queue holds them back, more workers would not help; look at it "
            f"with: temporal task-queue config get --task-queue {queue.name} "
            f"--task-queue-type {type}"
        )
    elif not queue.polled:
        mend = _start_workers(queue)
    else:
        mend = (
            "the workers cannot keep up: more replicas, or more slots "
            f"(WORKER_MAX_CONCURRENT_{'ACTIVITIES' if type == 'activity' else 'WORKFLOW_TASKS'}); "
            "activities of terminated workflows count until a worker polls them"
        )
    return Problem(what, queue.name, mend)


def _work(queue: "SeenQueue") -> str:
    state = queue.state
    return (
        f"{_count(state.running_workflows, 'running workflow')} and "
        f"{_count(state.backlog, 'waiting task')}"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _missing(queue: "SeenQueue") -> str:
    if queue.workflow_pollers:
        return "its activity tasks"
    if queue.activity_pollers:
        return "its workflow tasks"
    return "it"


def _start_workers(queue: "SeenQueue") -> str:
    return (
        f"start workers of {queue.queue.kind!r}, with the TEMPORAL_NAMESPACE, "
        "TEMPORAL_QUEUE_PREFIX and TEMPORAL_QUEUE_SHARDS of this command"
    )


def _by_kind(queues: Iterable["SeenQueue"]) -> list[tuple[str, list["SeenQueue"]]]:
    kinds: dict[str, list[SeenQueue]] = {}
    for queue in queues:
        kinds.setdefault(queue.queue.kind, []).append(queue)
    return list(kinds.items())
