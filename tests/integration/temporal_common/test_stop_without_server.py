"""A process that is stopped while its server is gone or hung: it ends in time, and with 0."""

import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from dev_servers.temporal_server import TemporalServer, temporal_server
from temporal_common.client import connect
from temporal_common.queues import QueueLayout
from temporal_common.routing import Router
from temporal_common.testing import connection_to, service_process
from tests.support.probe.worker import settings_of
from tests.support.probe.workflows import Plan, Probe
from tests.support.rendezvous import Arrival, Rendezvous

DRAIN_LIMIT = 0.5
MARGIN = 1.5
"""In place of the 10 s of `tuning.HARD_DEADLINE_MARGIN`."""
TO_END = 2.0
"""For the process itself to end, on a busy machine."""


@pytest_asyncio.fixture
async def server() -> AsyncIterator[TemporalServer]:
    async with temporal_server() as server:
        yield server


async def killed(server: TemporalServer) -> None:
    await server.kill()


async def hung(server: TemporalServer) -> None:
    """It keeps its connections and answers nothing. Ended by SIGKILL with its fixture."""
    os.kill(server.pid, signal.SIGSTOP)


async def holding(server: TemporalServer, prefix: str, held: Rendezvous) -> Arrival:
    """An activity that the worker of this prefix runs."""
    client = await connect(connection_to(server.address))
    await client.start_workflow(
        Probe.run,
        Plan("hold", held.address),
        id=uuid4().hex,
        **Router(QueueLayout(prefix)).tenant("acme").options(),
    )
    return await held.arrival()


@pytest.mark.parametrize("lose", [killed, hung])
@pytest.mark.parametrize("work", ["nothing", "a result to deliver", "an activity to hand over"])
async def test_a_stop_without_a_server_exits_0_in_time(
    server: TemporalServer,
    queue_prefix: str,
    held: Rendezvous,
    tmp_path: Path,
    lose: Callable[[TemporalServer], Awaitable[None]],
    work: str,
) -> None:
    settings = settings_of(
        server.address,
        queue_prefix,
        WORKER_GRACEFUL_SHUTDOWN_TIMEOUT=str(DRAIN_LIMIT),
        PROBE_HARD_DEADLINE_MARGIN=str(MARGIN),
    )
    async with service_process("tests.support.probe", settings, log=tmp_path / "log") as service:
        activity = None if work == "nothing" else await holding(server, queue_prefix, held)
        await lose(server)
        if activity and work == "a result to deliver":
            activity.release()
            await activity.gone()
        begun = time.monotonic()
        code = await service.terminate()

    assert code == 0, "no activity was cut off in the middle"
    assert time.monotonic() - begun < DRAIN_LIMIT + MARGIN + TO_END
