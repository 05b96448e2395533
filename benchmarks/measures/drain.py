"""A worker process has 20 running activities of 3 s, as many as its slots, and 20 workflows in its
cache that wait for a signal. A successor is started, and when that is ready, as in a rolling update,
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
from typing import Final
from uuid import uuid4

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle

from benchmarks.frame.benchmark import Benchmark, Measured, Run
from benchmarks.frame.figures import Figure, milliseconds, percentile
from benchmarks.measures.load import client_of, settings
from benchmarks.measures.rolling import worker_to_end
from benchmarks.workloads.errands.models import Errand
from benchmarks.workloads.errands.workflows import AwaitSignal, RunErrand
from benchmarks.workloads.specs import ERRANDS, SPECS
from dev_servers.temporal_server import TemporalServer
from temporal_common.queues import QueueLayout
from temporal_common.routing import Router

ACTIVITIES: Final = SPECS["errands"].tuning.max_concurrent_activities
DRAIN_LIMIT: Final = {"WORKER_GRACEFUL_SHUTDOWN_TIMEOUT": "30"}

_SECONDS: Final = 3.0
_WAITING: Final = 20


@dataclass(frozen=True)
class Drained:
    """What the end of one process did to its work."""

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
            Figure(
                "exit code",
                "",
                [each.exit_code for each in drained],
                at_most=0,
                at_least=0,
                every_round=True,
            ),
        ]
    )


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
            began = time.perf_counter()
            old.send(how)
            if how == signal.SIGTERM:
                await old.until_logged("draining")
            half = len(cached) // 2
            await _signal(cached[:half])
            code = await old.wait(within=60)
            seconds = time.perf_counter() - began
            await _signal(cached[half:])
            for workflow in (*cached, *running):
                await workflow.result()
    return Drained(
        cancelled=sum([await _attempts(workflow) != 1 for workflow in running]),
        sticky=[await _signal_to_task(workflow) for workflow in cached],
        seconds=seconds,
        exit_code=code,
    )
