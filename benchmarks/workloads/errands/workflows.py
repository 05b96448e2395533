"""Workflows that run activities, sleep over a timer, or wait for a signal."""

import asyncio
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from benchmarks.workloads.errands.activities import wait
    from benchmarks.workloads.errands.models import Errand, Ran


@workflow.defn
class RunErrand:
    @workflow.run
    async def run(self, errand: Errand) -> list[Ran]:
        ran = await self._half(errand)
        if errand.pause is not None:
            if errand.pause:
                await workflow.sleep(errand.pause)
            ran += await self._half(errand)
        return ran

    async def _half(self, errand: Errand) -> list[Ran]:
        return await asyncio.gather(
            *(
                workflow.execute_activity(
                    wait,
                    errand.seconds,
                    start_to_close_timeout=timedelta(minutes=1),
                    # As the services have it: who is lost with a process is noticed.
                    heartbeat_timeout=timedelta(seconds=10),
                )
                for _ in range(errand.count)
            )
        )


@workflow.defn
class AwaitSignal:
    """Stays in a worker's cache until it is signalled."""

    def __init__(self) -> None:
        self._signalled = False

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self._signalled)

    @workflow.signal
    def go_on(self) -> None:
        self._signalled = True
