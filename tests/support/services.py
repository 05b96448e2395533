"""The real services as processes of their own, for tests that look at them from outside."""

import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from dev_servers.ports import HOST, free_port
from dev_servers.processes import ChildProcess


def module_environment(**variables: str) -> dict[str, str]:
    """The environment of a Python process that finds our modules, without settings of its caller.

    `variables` are the settings that the process is to have.
    """
    ours = ("TEMPORAL_", "DATABASE_", "SMTP_", "OTEL_", "WORKER_", "HEALTH_", "LOG_", "TOKEN_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path if entry)
    return {**kept, "PYTHONPATH": path, **variables}


@asynccontextmanager
async def service(
    module: str, settings: Mapping[str, str], *, log: Path
) -> AsyncIterator[ChildProcess]:
    """A service (`worker_tenant`, `worker_jobs`) that polls its task queues; ended with SIGTERM."""
    port = free_port()
    process = await ChildProcess.start(
        [sys.executable, "-m", module],
        log=log,
        env=module_environment(**settings, HEALTH_HOST=HOST, HEALTH_PORT=str(port)),
    )

    async def ready() -> bool:
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://{HOST}:{port}/readyz") as answer,
            ):
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    await process.until_ready(module, ready, within=60)
    try:
        yield process
    finally:
        await process.stop()
