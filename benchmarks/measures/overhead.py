"""Two worker processes with the same small service, laid out as in Temporal's samples: activities
are passed through the sandbox, the workflow's own module and its helpers are not. 200 workflows of
one activity and three log lines go to each in turn, ten at a time. The figure is the CPU time that
the worker process takes for a workflow, user and system, all its threads.

- **bare**: `Worker(client, task_queue=…, workflows=…, activities=…)` of temporalio, nothing else.
- **ours**: a whole service: typed payloads, traces exported to an OTLP receiver, logs as JSON,
  Prometheus metrics, health server, fairness keys. The sandbox is on, with all its checks.

The bare Worker executes the workflow's modules anew for each run; ours does so once, where nothing
in them can change (`temporal_common.shared_sandbox`). What that saves grows with the modules, and
is more than the rest of the stack costs.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from temporalio.client import Client

from benchmarks.frame.benchmark import Benchmark, Measured, Run
from benchmarks.frame.figures import Figure, ratio
from benchmarks.frame.proc import cpu_seconds
from benchmarks.measures.load import MODULE, client_of, settings
from benchmarks.workloads.orders.workflows import Line, Order
from benchmarks.workloads.specs import ORDERS
from dev_servers.otlp_receiver import otlp_receiver
from dev_servers.temporal_server import TemporalServer
from temporal_common.queues import QueueLayout
from temporal_common.routing import Router
from temporal_common.testing import ServiceProcess

BARE: Final = "bare Worker"
OURS: Final = "ours"
AT_MOST: Final = 0.75

BARE_MODULE: Final = "benchmarks.workloads.bare"

_WORKFLOWS: Final = 200
_WARM_UP: Final = 20
_AT_ONCE: Final = 10


@dataclass(frozen=True)
class Side:
    """A worker process, and how its workflows are started."""

    process: ServiceProcess
    client: Client
    router: Router | None
    """None: the queue has the plain name below, and no start has a key."""
    task_queue: str

    async def cpu_per_workflow(self, workflows: int) -> float:
        """Milliseconds."""
        before = cpu_seconds(self.process.pid)
        turns = asyncio.Semaphore(_AT_ONCE)

        async def one(number: int) -> None:
            async with turns:
                await self._execute(number)

        async with asyncio.TaskGroup() as group:
            for number in range(workflows):
                group.create_task(one(number))
        return 1000 * (cpu_seconds(self.process.pid) - before) / workflows

    async def _execute(self, number: int) -> None:
        customer = f"tenant-{number % 10}"
        order = Order(f"{number}", customer, [Line("screw", 100, 2), Line("nut", 100, 3)])
        identity = f"order-{uuid4().hex}"
        if self.router is None:
            await self.client.execute_workflow(
                "OrderWorkflow", order, id=identity, task_queue=self.task_queue
            )
        else:
            route = self.router.tenant(customer, kind=ORDERS)
            await self.client.execute_workflow(
                "OrderWorkflow", order, id=identity, **route.options()
            )


async def measure(run: Run) -> Measured:
    milliseconds: dict[str, list[float]] = {BARE: [], OURS: []}
    async with run.server() as server, both_sides(run, server) as sides:
        for side in sides.values():
            await side.cpu_per_workflow(_WARM_UP)
        for number, names in run.each_round(BARE, OURS):
            for name in names:
                run.step(number, name)
                milliseconds[name].append(await sides[name].cpu_per_workflow(_WORKFLOWS))
    return Measured(
        [
            ratio(
                "worker CPU for a workflow, ours ÷ bare",
                milliseconds[OURS],
                milliseconds[BARE],
                at_most=AT_MOST,
            ),
            *(Figure(f"worker CPU for a workflow, {n}", "ms", milliseconds[n]) for n in sides),
        ]
    )


@asynccontextmanager
async def both_sides(run: Run, server: TemporalServer) -> AsyncIterator[dict[str, Side]]:
    """Both processes, up for all rounds: an idle one takes no CPU that is counted."""
    layout = QueueLayout(f"bench-{uuid4().hex[:8]}")
    plain = f"{layout.prefix}-bare"
    bare = {"TEMPORAL_ADDRESS": server.address, "BENCH_TASK_QUEUE": plain}
    async with (
        otlp_receiver() as traces,
        run.process(BARE_MODULE, bare, ready=False) as bare_process,
        run.process(
            MODULE,
            settings(server, layout.prefix, "orders", OTEL_EXPORTER_OTLP_ENDPOINT=traces.endpoint),
        ) as our_process,
    ):
        yield {
            BARE: Side(bare_process, await Client.connect(server.address), None, plain),
            OURS: Side(our_process, await client_of(server), Router(layout), ""),
        }


BENCHMARK: Final = Benchmark(
    name="overhead",
    claim="The whole stack of a service costs less CPU than a bare Worker.",
    how=__doc__,
    measure=measure,
    rounds=7,
)
