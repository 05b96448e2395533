"""Worker processes that a benchmark ends itself. `Run.process` takes the end of one for a fault."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from benchmarks.measures.load import MODULE
from dev_servers.scratch import scratch_folder
from temporal_common.testing import ServiceProcess, service_process


@asynccontextmanager
async def worker_to_end(environment: Mapping[str, str]) -> AsyncIterator[ServiceProcess]:
    """A ready worker; killed at the end of the block, if it still runs then."""
    with scratch_folder("bench-") as folder:
        # As JSON, so that it can be waited for what the worker logs.
        settings = {"LOG_FORMAT": "json", **environment}
        async with service_process(MODULE, settings, log=folder / "worker.log") as process:
            yield process
