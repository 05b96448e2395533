"""A worker process has 20 running activities of 10 s, as many as its slots, and 20 workflows in its
cache that wait for a signal. A successor is started. When that is ready, as in a rolling update,
the first one gets SIGTERM. Its drain limit is 30 s.

- **cancelled activities**: those of the 20 that did not end as their first attempt, by the
  histories of their workflows.
- **first sticky task**: half of the waiting workflows are signalled as soon as the process drains,
  the other half when it has ended. The time from the signal to the start of the workflow task that
  the successor completes, the longest of the 20, by the server's clock. Were the server not told,
  each would wait for ten seconds for the worker that is gone.
"""

import asyncio
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid4

from temporalio.api.enums.v1 import EventType, PendingActivityState
from temporalio.client import Client, WorkflowHandle

from benchmarks.frame.benchmark import Benchmark, Measured, Run
from benchmarks.frame.figures import Figure, milliseconds, percentile
from benchmarks.measures.load import client_of, settings
from benchmarks.measures.rolling import worker_to_end
from benchmarks.workloads.errands.models import Errand, Ran
from benchmarks.workloads.errands.workflows import AwaitSignal, RunErrand
from benchmarks.workloads.specs import ERRANDS, SPECS
from dev_servers.temporal_server import TemporalServer
from temporal_common.queues import QueueLayout
from temporal_common.routing import Router

ACTIVITIES: Final = SPECS["errands"].tuning.max_concurrent_activities
DRAIN_LIMIT: Final = {"WORKER_GRACEFUL_SHUTDOWN_TIMEOUT": "30"}

_Waiting = WorkflowHandle[AwaitSignal, None]
_Running = WorkflowHandle[RunErrand, list[Ran]]

_SECONDS: Final = 10.0
_WAITING: Final = 20


@dataclass(frozen=True)
class Drained:
    """What the end of one process did to its work."""

    running: int
    """Activities, when the signal was sent."""
    cancelled: int
    sticky: Sequence[float]
    """Seconds from each signal to its workflow task."""
    seconds: float
    """From the signal to the end of the process."""
    exit_code: int


async def measure(run: Run) -> Measured:
    drained: list[Drained] = []
    async with run.server() as server:
        for number, _sides in run.each_round():
            run.step(number, f"SIGTERM with {ACTIVITIES} running activities")
            drained.append(await end_a_worker(server, Errand(_SECONDS)))
    return Measured(
        [
            cancelled_figure(drained),
            sticky_figure(drained),
            milliseconds(
                "signal to workflow task on the successor, p50",
                [percentile(each.sticky, 50) for each in drained],
            ),
            Figure("SIGTERM to the end of the process", "s", [each.seconds for each in drained]),
            _exactly(
                "activities running at SIGTERM", [each.running for each in drained], ACTIVITIES
            ),
            _exactly("exit code", [each.exit_code for each in drained], 0),
        ]
    )


def _exactly(name: str, counts: Sequence[int], count: int) -> Figure:
    return Figure(name, "", counts, at_least=count, at_most=count, every_round=True)


def cancelled_figure(drained: Sequence[Drained]) -> Figure:
    return Figure(
        f"cancelled of {ACTIVITIES} running activities",
        "",
        [each.cancelled for each in drained],
        at_most=0,
        every_round=True,
    )


def sticky_figure(drained: Sequence[Drained]) -> Figure:
    return Figure(
        "signal to workflow task on the successor, longest",
        "s",
        [max(each.sticky) for each in drained],
        at_most=1,
    )


async def end_a_worker(
    server: TemporalServer,
    errand: Errand,
    *,
    waiting: int = _WAITING,
    activities: int = ACTIVITIES,
    tuning: Mapping[str, str] = DRAIN_LIMIT,
    how: signal.Signals = signal.SIGTERM,
) -> Drained:
    """Ends a process that runs so many activities and has so many waiting workflows in its cache.

    Args:
        tuning: Further settings of that process.
    """
    layout = QueueLayout(f"bench-{uuid4().hex[:8]}")
    client = await client_of(server)
    environment = settings(server, layout.prefix, "errands")
    async with worker_to_end({**environment, **tuning}) as old:
        cached = [await _await_signal(client, layout) for _ in range(waiting)]
        await _until_first_task(cached)
        running = [await _run(client, layout, errand) for _ in range(activities)]
        await _until_started(running)
        async with worker_to_end(environment):
            still_running = (await old.health.get("/health")).json["running_activities"]
            began = time.perf_counter()
            old.send(how)
            if how == signal.SIGTERM:
                await old.until_logged("draining")
            half = len(cached) // 2
            await _signal(cached[:half])
            code = await old.wait(within=60)
            seconds = time.perf_counter() - began
            await _signal(cached[half:])
            await asyncio.gather(*(workflow.result() for workflow in cached))
            await asyncio.gather(*(workflow.result() for workflow in running))
    return Drained(
        running=still_running,
        cancelled=sum([await _attempts(workflow) != 1 for workflow in running]),
        sticky=[await _signal_to_task(workflow) for workflow in cached],
        seconds=seconds,
        exit_code=code,
    )


async def _await_signal(client: Client, layout: QueueLayout) -> _Waiting:
    route = Router(layout).tenant("acme", kind=ERRANDS)
    return await client.start_workflow(
        AwaitSignal.run, id=f"waiting-{uuid4().hex}", **route.options()
    )


async def _run(client: Client, layout: QueueLayout, errand: Errand) -> _Running:
    route = Router(layout).tenant("acme", kind=ERRANDS)
    return await client.start_workflow(
        RunErrand.run, errand, id=f"errand-{uuid4().hex}", **route.options()
    )


async def _until_first_task(workflows: Sequence[_Waiting]) -> None:
    """Until a worker has run each, and so has it in its cache."""
    for workflow in workflows:
        async for event in workflow.fetch_history_events(wait_new_event=True):
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
                break


async def _until_started(workflows: Sequence[_Running]) -> None:
    """Until the activity of each runs: the history does not tell before it has ended."""
    for workflow in workflows:
        while not any(  # noqa: ASYNC110
            activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
            for activity in (await workflow.describe()).raw_description.pending_activities
        ):
            await asyncio.sleep(0.02)


async def _signal(workflows: Sequence[_Waiting]) -> None:
    await asyncio.gather(*(workflow.signal(AwaitSignal.go_on) for workflow in workflows))


async def _attempts(workflow: _Running) -> int:
    """Of its activity, when it has ended."""
    async for event in workflow.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            return event.activity_task_started_event_attributes.attempt
    raise AssertionError("a workflow that has ended has run its activity")


async def _signal_to_task(workflow: _Waiting) -> float:
    """Seconds from the signal to the start of the first workflow task after it that did not fail.

    By the event that completed the task: one that was given to the former worker and timed out has
    a start as well.
    """
    events: dict[int, datetime] = {}
    signalled: datetime | None = None
    async for event in workflow.fetch_history_events():
        events[event.event_id] = event.event_time.ToDatetime()
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
            signalled = events[event.event_id]
        elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED and signalled:
            started = event.workflow_task_completed_event_attributes.started_event_id
            return (events[started] - signalled).total_seconds()
    raise AssertionError("a workflow that has ended by a signal has had a task for it")


BENCHMARK: Final = Benchmark(
    name="drain",
    claim="A worker that is stopped finishes what it runs, and its workflows move at once.",
    how=__doc__,
    measure=measure,
    rounds=4,
)
