"""The spec of the probe."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporal_common.queues import TENANT
from temporal_common.tuning import Tuning
from temporal_common.worker import Activities, Startup, WorkerSpec
from tests.support.probe.activities import (
    block,
    hold,
    hold_after_progress,
    hold_thread,
    ignore_cancellation,
    linger,
)
from tests.support.probe.workflows import Probe, Urgent, Waiting


def settings_of(address: str, prefix: str, **further: str) -> dict[str, str]:
    """Settings of a probe in a process of its own."""
    return {"TEMPORAL_ADDRESS": address, "TEMPORAL_QUEUE_PREFIX": prefix, **further}


@asynccontextmanager
async def activities(_startup: Startup) -> AsyncIterator[Activities]:
    yield [hold, hold_after_progress, hold_thread, block, ignore_cancellation, linger]


PROBE = WorkerSpec(
    service="probe",
    workload="probe",
    kind=TENANT,
    workflows=[Probe, Urgent, Waiting],
    activities=activities,
    tuning=Tuning(
        max_concurrent_activities=20,
        max_concurrent_workflow_tasks=20,
        graceful_shutdown_timeout=20,
    ),
)
