"""Workloads that the benchmarks run as processes: `python -m benchmarks.workloads`.

The design of this project gives each kind of work a process with queue and slots of its own; the
one that it replaces has everything in one worker on one queue. Both have 20 activity slots in all,
run the same code and are made by the same library, so that only the design differs.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from benchmarks.workloads.activities import block, sleep
from benchmarks.workloads.errands.activities import wait
from benchmarks.workloads.errands.workflows import AwaitSignal, RunErrand
from benchmarks.workloads.orders.activities import charge, ship
from benchmarks.workloads.orders.workflows import OrderWorkflow, ShipmentWorkflow
from benchmarks.workloads.workflows import Work
from temporal_common.queues import JOBS, TENANT, Kind
from temporal_common.tuning import Tuning
from temporal_common.worker import Activities, Startup, WorkerSpec

EVERYTHING: Final = Kind("everything", sharded=False)
ORDERS: Final = Kind("orders", sharded=True)
ERRANDS: Final = Kind("errands", sharded=True)

TENANT_SLOTS: Final = 4
JOB_SLOTS: Final = 16


@asynccontextmanager
async def activities(_startup: Startup) -> AsyncIterator[Activities]:
    yield [sleep, block]


def _spec(kind: Kind, slots: int, pollers: int) -> WorkerSpec:
    return WorkerSpec(
        service=f"bench-{kind.name}",
        workload=kind.name,
        kind=kind,
        workflows=[Work],
        activities=activities,
        tuning=Tuning(
            max_concurrent_activities=slots,
            max_concurrent_workflow_tasks=20,
            activity_pollers=pollers,
            graceful_shutdown_timeout=1,
        ),
    )


@asynccontextmanager
async def order_activities(_startup: Startup) -> AsyncIterator[Activities]:
    yield [charge, ship]


@asynccontextmanager
async def errand_activities(_startup: Startup) -> AsyncIterator[Activities]:
    yield [wait]


SPECS: Final[Mapping[str, WorkerSpec]] = {
    "tenant": _spec(TENANT, TENANT_SLOTS, 2),
    "jobs": _spec(JOBS, JOB_SLOTS, 5),
    "everything": _spec(EVERYTHING, TENANT_SLOTS + JOB_SLOTS, 5),
    "orders": WorkerSpec(
        service="bench-orders",
        workload="orders",
        kind=ORDERS,
        workflows=[OrderWorkflow, ShipmentWorkflow],
        activities=order_activities,
    ),
    "errands": WorkerSpec(
        service="bench-errands",
        workload="errands",
        kind=ERRANDS,
        workflows=[RunErrand, AwaitSignal],
        activities=errand_activities,
        tuning=Tuning(max_concurrent_activities=20, max_concurrent_workflow_tasks=20),
    ),
}
