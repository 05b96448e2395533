"""Load on the queues: a flood that fills one, and arrivals whose waiting is measured."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from temporalio.client import Client, WorkflowHandle

from benchmarks.workloads.models import Tasks, Waited
from dev_servers.temporal_server import TemporalServer
from temporal_common.client import connect
from temporal_common.routing import Route
from temporal_common.testing import connection_to

MODULE: Final = "benchmarks.workloads"
"""Run as `python -m`; see `settings`."""

_JOBS_PER_WORKFLOW: Final = 100
"""A flood is of activities. One workflow for each would measure the server, which starts some 40 a
second here, and not the waiting for slots."""


def settings(server: TemporalServer, prefix: str, workloads: str, **more: str) -> dict[str, str]:
    """Of a process that runs these workloads, comma-separated."""
    return {
        "BENCH_WORKLOADS": workloads,
        "TEMPORAL_ADDRESS": server.address,
        "TEMPORAL_QUEUE_PREFIX": prefix,
        **more,
    }


async def client_of(server: TemporalServer) -> Client:
    return await connect(connection_to(server.address, server.namespace))


async def flood(client: Client, route: Route, tasks: Tasks) -> None:
    """Starts `tasks.count` activities and returns when all are scheduled."""
    counts = [_JOBS_PER_WORKFLOW] * (tasks.count // _JOBS_PER_WORKFLOW)
    if rest := tasks.count % _JOBS_PER_WORKFLOW:
        counts.append(rest)
    started = [
        await client.start_workflow(
            "Work",
            Tasks(tasks.activity, tasks.seconds, count),
            id=f"flood-{uuid4().hex}",
            **route.options(),
        )
        for count in counts
    ]
    for workflow, count in zip(started, counts, strict=True):
        # Started, first workflow task (three events), and one event for each activity. The server
        # tells of none of them.
        while (await workflow.describe()).history_length < 4 + count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@dataclass(frozen=True)
class Arrival:
    """What one arriving workflow saw, in seconds."""

    waited: float
    """Its activity, from being scheduled to being run."""
    whole: float
    """Its workflow, from start to end."""


async def arrivals(
    client: Client, route: Callable[[int], Route], tasks: Tasks, *, count: int, every: float
) -> Sequence[Arrival]:
    """Starts a workflow `every` so many seconds, whether or not the former ones have ended.

    A load that waited for them would ask the less, the slower the answers come.
    """

    async def arrive(number: int) -> Arrival:
        await asyncio.sleep(number * every)
        workflow: WorkflowHandle[Any, Waited] = await client.start_workflow(
            "Work",
            tasks,
            id=f"arrival-{uuid4().hex}",
            result_type=Waited,
            **route(number).options(),
        )
        waited = await workflow.result()
        # By the server's clock: once in some hundred times the client hears of the end only when
        # its long poll of 20 s is over.
        times = await workflow.describe()
        assert times.close_time is not None, "it has ended"
        return Arrival(max(waited.seconds), (times.close_time - times.start_time).total_seconds())

    return await asyncio.gather(*(arrive(number) for number in range(count)))


async def in_turn(client: Client, route: Route, tasks: Tasks, *, count: int) -> list[float]:
    """Runs workflows one after another: an unloaded worker. How long each activity waited, in s."""
    waits: list[float] = []
    for _ in range(count):
        waited: Waited = await client.execute_workflow(
            "Work", tasks, id=f"turn-{uuid4().hex}", result_type=Waited, **route.options()
        )
        waits += waited.seconds
    return waits
