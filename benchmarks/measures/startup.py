"""A workflow waits in a queue that nobody polls; then a worker process is started. The figure is
the time until the server has given it the workflow's first task: its first poll.

- **bare**: `Worker(client, task_queue=…, workflows=…, activities=…)` of temporalio, nothing else.
- **ours**: the same workflow in a service of this project: settings, logs, tracing, metrics, health
  server, life cycle.
"""

import time
from collections.abc import Mapping
from typing import Final
from uuid import uuid4

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from benchmarks.frame.benchmark import Benchmark, Measured, Run
from benchmarks.frame.figures import milliseconds, ratio
from benchmarks.measures.load import MODULE, settings
from benchmarks.measures.overhead import BARE, BARE_MODULE, OURS
from benchmarks.workloads.orders.workflows import Order
from benchmarks.workloads.specs import ORDERS
from dev_servers.temporal_server import TemporalServer
from temporal_common.queues import QueueLayout


async def measure(run: Run) -> Measured:
    seconds: dict[str, list[float]] = {BARE: [], OURS: []}
    async with run.server() as server:
        client = await Client.connect(server.address)
        for number, sides in run.each_round(*seconds):
            for side in sides:
                run.step(number, side)
                seconds[side].append(await until_polling(run, server, client, side))
    return Measured(
        [
            ratio("start to first poll, ours ÷ bare", seconds[OURS], seconds[BARE], at_most=1.6),
            *(milliseconds(f"start to first poll, {side}", seconds[side]) for side in seconds),
        ]
    )


async def until_polling(run: Run, server: TemporalServer, client: Client, side: str) -> float:
    """Seconds, by the clock that this process and the server share."""
    layout = QueueLayout(f"bench-{uuid4().hex[:8]}")
    queue = layout.task_queue(ORDERS).name
    started = await client.start_workflow(
        "OrderWorkflow", Order("1", "acme", []), id=f"order-{uuid4().hex}", task_queue=queue
    )
    module, environment = _process(side, server, layout, queue)
    spawned = time.time()
    async with run.process(module, environment, ready=False):
        await started.result()
    async for event in started.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED:
            return event.event_time.ToNanoseconds() / 1e9 - spawned
    raise AssertionError("a workflow that has ended has had a task")


def _process(
    side: str, server: TemporalServer, layout: QueueLayout, queue: str
) -> tuple[str, Mapping[str, str]]:
    if side == BARE:
        return BARE_MODULE, {"TEMPORAL_ADDRESS": server.address, "BENCH_TASK_QUEUE": queue}
    return MODULE, settings(server, layout.prefix, "orders")


BENCHMARK: Final = Benchmark(
    name="startup",
    claim="A service polls about as soon as a bare Worker.",
    how=__doc__,
    measure=measure,
    rounds=15,
)
