"""`python -m benchmarks.workloads.bare`: a Worker as Temporal's samples make one, and nothing else.

The other side of `overhead` and `startup`. It imports nothing of this project but the workflow.
"""

import asyncio
import os

from temporalio.client import Client
from temporalio.worker import Worker

from benchmarks.workloads.orders.activities import charge, ship
from benchmarks.workloads.orders.workflows import OrderWorkflow, ShipmentWorkflow


async def main() -> None:
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"])
    worker = Worker(
        client,
        task_queue=os.environ["BENCH_TASK_QUEUE"],
        workflows=[OrderWorkflow, ShipmentWorkflow],
        activities=[charge, ship],
    )
    await worker.run()


if __name__ == "__main__":
    asyncio.run(main())
