"""How soon an image is ready, against the same service outside it.

Each service in turn from its image (read-only root, plain user, namespaces of its own) and from the
sources with this process's Python and packages, interleaved: seconds from the start of the process
to 200 from /readyz, and the one ÷ the other. Needs the built images, root and Linux.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.report import Figure
from benchmarks.worker_process import SERVICES, started, until_ready
from dev_servers.images import Image, why_images_cannot_run
from dev_servers.ports import free_port
from dev_servers.postgres import embedded_postgres
from dev_servers.temporal_server import temporal_server

_BUILDER: Final = Path("deploy/images/builder/docker").resolve()


def built() -> bool:
    """Whether this machine can run images, and has those of every service."""
    return why_images_cannot_run() is None and all(
        subprocess.run(
            [_BUILDER, "inspect", "--type", "image", _name(service)], capture_output=True
        ).returncode
        == 0
        for service in SERVICES
    )


async def measure(rounds: int) -> Sequence[Figure]:
    if reason := why_images_cannot_run():
        sys.exit(f"images: no image can be run here: {reason}")
    inside: dict[str, list[float]] = {service: [] for service in SERVICES}
    outside: dict[str, list[float]] = {service: [] for service in SERVICES}
    with tempfile.TemporaryDirectory() as folder:
        # The first start of each side fills the page cache and, outside, writes .pyc files: it does
        # not count.
        images = {service: _unpacked(service, Path(folder)) for service in SERVICES}
        async with temporal_server() as temporal, embedded_postgres() as postgres:
            database = await postgres.create_database("fleet")
            environment = {"TEMPORAL_ADDRESS": temporal.address, "DATABASE_URL": database}
            for number in range(rounds + 1):
                for service in SERVICES:
                    async with started(service, environment) as (_, seconds):
                        before = seconds
                    within = await _start(images[service], environment, Path(folder))
                    if number:
                        outside[service].append(before)
                        inside[service].append(within)
    return [
        figure
        for service in SERVICES
        for figure in (
            Figure(f"{service}: start to ready, image", "s", inside[service]),
            Figure(f"{service}: start to ready, outside", "s", outside[service]),
            Figure(
                f"{service}: image ÷ outside",
                "",
                [a / b for a, b in zip(inside[service], outside[service], strict=True)],
                at_most=1.5,
            ),
        )
    ]


def _unpacked(service: str, folder: Path) -> Image:
    own = folder / service
    own.mkdir()
    return Image.unpacked(_name(service), own, builder=[_BUILDER])


def _name(service: str) -> str:
    return f"{service.replace('_', '-')}:{os.environ.get('IMAGE_TAG', 'dev')}"


async def _start(image: Image, environment: Mapping[str, str], folder: Path) -> float:
    port = free_port()
    begun = time.perf_counter()
    async with image.running(
        {**environment, "HEALTH_PORT": str(port)}, log=folder / "image.log"
    ) as process:
        await until_ready(port, lambda: process.running)
        seconds = time.perf_counter() - begun
        await process.terminate()
    return seconds
