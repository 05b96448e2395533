"""Tenants that arrive while a flood of jobs runs, in three designs of 20 activity slots each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from benchmarks.frame.benchmark import Run
from benchmarks.measures.load import MODULE, Arrival, arrivals, client_of, flood, settings
from benchmarks.workloads.models import Tasks
from benchmarks.workloads.specs import EVERYTHING
from dev_servers.temporal_server import TemporalServer
from temporal_common.queues import QueueLayout
from temporal_common.routing import Router

ONE_WORKER: Final = "one worker, one queue"
"""Everything registered in one process: the design that this project replaces."""
ONE_PROCESS: Final = "one process, two queues"
"""A Worker for tenants with 4 slots and one for jobs with 16, in one process."""
OURS: Final = "ours"
"""The same two Workers, each in a process of its own."""

PROCESSES: Final[Mapping[str, Sequence[str]]] = {
    ONE_WORKER: ["everything"],
    ONE_PROCESS: ["tenant,jobs"],
    OURS: ["tenant", "jobs"],
}
"""The processes of a design, by the workloads of each."""


@dataclass(frozen=True)
class Size:
    """How much there is to do; a test takes less of it."""

    jobs: Tasks
    tenants: int = 40


async def tenants_behind_jobs(
    run: Run, server: TemporalServer, design: str, size: Size
) -> Sequence[Arrival]:
    """What the tenants saw: ten a second, each a workflow of one activity of 100 ms.

    Fresh processes on fresh queues; what is left of the flood is abandoned with them.
    """
    layout = QueueLayout(f"bench-{uuid4().hex[:8]}")
    router = Router(layout)
    processes = [settings(server, layout.prefix, names) for names in PROCESSES[design]]
    client = await client_of(server)
    async with run.processes(MODULE, *processes):
        everything = router.job(kind=EVERYTHING)
        await flood(client, everything if design == ONE_WORKER else router.job(), size.jobs)
        return await arrivals(
            client,
            lambda number: (
                everything if design == ONE_WORKER else router.tenant(f"tenant-{number}")
            ),
            Tasks("sleep", 0.1),
            count=size.tenants,
            every=0.1,
        )
