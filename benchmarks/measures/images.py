"""Each service in turn from its image (read-only root, plain user, namespaces of its own) and from
the sources with this process's Python and packages: seconds from the start of the process to 200
from `/readyz`, and the one ÷ the other. Needs the built images, root and Linux.
"""

import os
import subprocess
import time
from pathlib import Path
from typing import Final

from benchmarks.frame.benchmark import Benchmark, Measured, Run
from benchmarks.frame.figures import Figure, ratio
from benchmarks.measures.worker_process import SERVICES
from dev_servers.images import Image, why_images_cannot_run
from dev_servers.ports import HOST, free_port
from dev_servers.postgres import embedded_postgres
from dev_servers.scratch import scratch_folder
from temporal_common.testing import HealthClient

_BUILDER: Final = Path("deploy/images/builder/docker").resolve()


def why_not() -> str | None:
    """Why this machine cannot run the images; None if it can, and has those of every service."""
    if reason := why_images_cannot_run():
        return reason
    missing = [
        service
        for service in SERVICES
        if subprocess.run(
            [_BUILDER, "inspect", "--type", "image", _name(service)], capture_output=True
        ).returncode
    ]
    return f"no image {_name(missing[0])} is built here (docs/images.md)" if missing else None


async def measure(run: Run) -> Measured:
    inside: dict[str, list[float]] = {service: [] for service in SERVICES}
    outside: dict[str, list[float]] = {service: [] for service in SERVICES}
    with scratch_folder("bench-") as folder:
        # The first start of each side fills the page cache and, outside, writes .pyc files: it does
        # not count.
        images = {service: _unpacked(service, folder) for service in SERVICES}
        async with run.server() as temporal, embedded_postgres() as postgres:
            database = await postgres.create_database("fleet")
            environment = {"TEMPORAL_ADDRESS": temporal.address, "DATABASE_URL": database}
            for number in range(run.rounds + 1):
                for service in SERVICES:
                    run.step(number, service)
                    begun = time.perf_counter()
                    async with run.process(service, environment):
                        before = time.perf_counter() - begun
                    within = await _start(images[service], environment, folder)
                    if number:
                        outside[service].append(before)
                        inside[service].append(within)
    return Measured(
        [
            figure
            for service in SERVICES
            for figure in (
                ratio(
                    f"{service}: start to ready, image ÷ outside",
                    inside[service],
                    outside[service],
                    at_most=1.5,
                ),
                Figure(f"{service}: start to ready, image", "s", inside[service]),
                Figure(f"{service}: start to ready, outside", "s", outside[service]),
            )
        ]
    )


def _unpacked(service: str, folder: Path) -> Image:
    own = folder / service
    own.mkdir()
    return Image.unpacked(_name(service), own, builder=[_BUILDER])


def _name(service: str) -> str:
    return f"{service.replace('_', '-')}:{os.environ.get('IMAGE_TAG', 'dev')}"


async def _start(image: Image, environment: dict[str, str], folder: Path) -> float:
    port = free_port()
    begun = time.perf_counter()
    async with image.running(
        {**environment, "HEALTH_PORT": str(port)}, log=folder / "image.log"
    ) as process:
        await HealthClient(f"http://{HOST}:{port}").until_ready(within=60)
        seconds = time.perf_counter() - begun
        await process.terminate()
    return seconds


BENCHMARK: Final = Benchmark(
    name="images",
    claim="A service starts from its image about as fast as outside of it.",
    how=__doc__,
    measure=measure,
    rounds=5,
    why_not=why_not,
)
