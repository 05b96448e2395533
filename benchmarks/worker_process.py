"""How soon a worker process is ready, and what it holds when idle.

Each service as its own process, with Temporal and Postgres up: seconds from the start of the
process to 200 from /readyz (every queue polled, by the server's word), and its resident memory.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp

from benchmarks.report import Figure
from dev_servers.ports import free_port
from dev_servers.postgres import embedded_postgres
from dev_servers.temporal_server import temporal_server

SERVICES: Final = ("worker_tenant", "worker_jobs")
_SETTLE: Final = 3.0  # seconds after ready until the memory is read


async def measure(rounds: int) -> Sequence[Figure]:
    seconds: dict[str, list[float]] = {service: [] for service in SERVICES}
    megabytes: dict[str, list[float]] = {service: [] for service in SERVICES}
    async with temporal_server() as temporal, embedded_postgres() as postgres:
        database = await postgres.create_database("fleet")
        environment = {"TEMPORAL_ADDRESS": temporal.address, "DATABASE_URL": database}
        for _ in range(rounds):
            for service in SERVICES:
                async with started(service, environment) as (process, ready_after):
                    seconds[service].append(ready_after)
                    await asyncio.sleep(_SETTLE)
                    megabytes[service].append(_resident_megabytes(process.pid))
    return [
        figure
        for service in SERVICES
        for figure in (
            Figure(f"{service}: start to ready", "s", seconds[service], at_most=3.0),
            Figure(f"{service}: resident when idle", "MB", megabytes[service], at_most=150.0),
        )
    ]


@asynccontextmanager
async def started(
    service: str, environment: Mapping[str, str]
) -> AsyncIterator[tuple[asyncio.subprocess.Process, float]]:
    """The service as a process, once it is ready, and the seconds that took."""
    port = free_port()
    with tempfile.TemporaryFile() as log:
        begun = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            service,
            env={
                **os.environ,
                **environment,
                "HEALTH_PORT": str(port),
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
            stdout=log,
            stderr=log,
        )
        try:
            await until_ready(port, lambda: process.returncode is None)
            yield process, time.perf_counter() - begun
        except ChildProcessError:
            log.seek(0)
            sys.stderr.write(log.read().decode())
            raise
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def until_ready(port: int, running: Callable[[], bool]) -> None:
    """Waits for 200 from /readyz. Raises ChildProcessError when the service ends before."""
    async with aiohttp.ClientSession() as session:
        while running():
            try:
                async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.02)
    raise ChildProcessError("the service ended before it was ready")


def _resident_megabytes(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has no resident memory")
