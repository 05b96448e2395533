"""The workflow of the benchmarks: some activities at once."""

import asyncio
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from benchmarks.workloads.models import Tasks, Waited


@workflow.defn(name="Work")
class Work:
    @workflow.run
    async def run(self, tasks: Tasks) -> Waited:
        waits: list[float] = await asyncio.gather(
            *(
                workflow.execute_activity(
                    tasks.activity,
                    tasks.seconds,
                    result_type=float,
                    start_to_close_timeout=timedelta(minutes=10),
                )
                for _ in range(tasks.count)
            )
        )
        return Waited(waits)
