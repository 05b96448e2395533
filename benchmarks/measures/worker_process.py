"""Each service as its own process, with Temporal and Postgres up: seconds from the start of the
process to 200 from /readyz (every queue polled, by the server's word), and its resident memory.
"""

import asyncio
import time
from typing import Final

from benchmarks.frame.benchmark import Benchmark, Measured, Run
from benchmarks.frame.figures import Figure
from benchmarks.frame.proc import resident_megabytes
from dev_servers.postgres import embedded_postgres

SERVICES: Final = ("worker_tenant", "worker_jobs")
_SETTLE: Final = 3.0  # seconds after ready until the memory is read


async def measure(run: Run) -> Measured:
    seconds: dict[str, list[float]] = {service: [] for service in SERVICES}
    megabytes: dict[str, list[float]] = {service: [] for service in SERVICES}
    async with run.server() as temporal, embedded_postgres() as postgres:
        database = await postgres.create_database("fleet")
        environment = {"TEMPORAL_ADDRESS": temporal.address, "DATABASE_URL": database}
        for number, services in run.each_round(*SERVICES):
            for service in services:
                run.step(number, service)
                begun = time.perf_counter()
                async with run.process(service, environment) as process:
                    seconds[service].append(time.perf_counter() - begun)
                    await asyncio.sleep(_SETTLE)
                    megabytes[service].append(resident_megabytes(process.pid))
    return Measured(
        [
            figure
            for service in SERVICES
            for figure in (
                Figure(f"{service}: start to ready", "s", seconds[service], at_most=3.0),
                Figure(f"{service}: resident when idle", "MB", megabytes[service], at_most=150.0),
            )
        ]
    )


BENCHMARK: Final = Benchmark(
    name="worker-process",
    claim="A worker process is ready in seconds and small when idle.",
    how=__doc__,
    measure=measure,
    rounds=5,
)
