#!/usr/bin/env python3
"""Measures the images: what they add to their base, and what one changed line costs.

    python3 deploy/images/measure.py [--rounds 3]

It packages, adds a comment to a module of the service, packages again, and puts the module back.
Bytes shipped are those of the layers that the image before did not have, compressed as a registry
gets them. Needs a builder and BASE_IMAGE as `./pants package` does, and the standard library only.
"""

import argparse
import gzip
import json
import os
import signal
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILDER = ROOT / "deploy/images/builder/docker"
CHANGED = {
    "worker-tenant": ROOT / "services/worker-tenant/worker_tenant/worker.py",
    "worker-jobs": ROOT / "services/worker-jobs/worker_jobs/worker.py",
}
BASE = os.environ.get("BASE_IMAGE", "python:3.11-slim")
TAG = os.environ.get("IMAGE_TAG", "dev")


def package(service: str) -> float:
    """Seconds that Pants takes for the image."""
    begun = time.perf_counter()
    subprocess.run(
        ["./pants", "package", f"services/{service}:image"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - begun


def layer_ids(image: str) -> list[str]:
    said = subprocess.check_output([BUILDER, "inspect", "--type", "image", image])
    layers: list[str] = json.loads(said)[0]["RootFS"]["Layers"]
    return layers


def layer_sizes(image: str, known: set[str]) -> list[tuple[int, int]]:
    """Size and compressed size in bytes of each layer that is not known."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.tar"
        subprocess.run([BUILDER, "save", "--output", path, image], check=True, capture_output=True)
        with tarfile.open(path) as archive:
            manifest = archive.extractfile("manifest.json")
            assert manifest is not None
            names = json.load(manifest)[0]["Layers"]
            sizes = []
            for name, layer in zip(names, layer_ids(image), strict=True):
                if layer in known:
                    continue
                member = archive.extractfile(name)
                assert member is not None
                content = member.read()
                sizes.append((len(content), len(gzip.compress(content, mtime=0))))
            return sizes


def megabytes(size: float) -> str:
    return f"{size / 1e6:.2f} MB"


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} s [{min(values):.1f}-{max(values):.1f}]"


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def measure(service: str, rounds: int) -> None:
    image = f"{service}:{TAG}"
    package(service)
    added = layer_sizes(image, set(layer_ids(BASE)))
    size, compressed = (sum(part) for part in zip(*added, strict=True))
    say(f"{service}  image without base: {megabytes(size)}, compressed {megabytes(compressed)}")
    unchanged = [package(service) for _ in range(rounds)]
    say(f"{service}  package, nothing changed: {spread(unchanged)}")
    module = CHANGED[service]
    original = module.read_bytes()
    seconds, shipped = [], []
    try:
        for number in range(rounds):
            before = set(layer_ids(image))
            module.write_bytes(original + f"# measured: {number} {time.time()}\n".encode())
            seconds.append(package(service))
            shipped.append(sum(compressed for _, compressed in layer_sizes(image, before)))
    finally:
        module.write_bytes(original)
    package(service)
    say(f"{service}  package, one line changed: {spread(seconds)}")
    say(f"{service}  shipped after it: {megabytes(max(shipped))} at most")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the module is put back
    for service in CHANGED:
        measure(service, rounds)


if __name__ == "__main__":
    main()
