#!/usr/bin/env python3
"""Measures the images: what they add to their base, and what one changed line costs.

    python3 deploy/images/measure.py [--rounds 5]

In a clone of this repository, in rounds: package each image unchanged, then after a comment was
added to a module of its service. Bytes shipped are those of the layers that the image before did
not have, compressed as a registry gets them. Needs a builder and BASE_IMAGE as `./pants package`
does, and the standard library only. Replaces the images of the tag that it measures.
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
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILDER = ROOT / "deploy/images/builder/docker"
CHANGED = {
    "worker-tenant": "services/worker-tenant/worker_tenant/worker.py",
    "worker-jobs": "services/worker-jobs/worker_jobs/worker.py",
}
BASE = os.environ.get("BASE_IMAGE", "python:3.11-slim")
TAG = os.environ.get("IMAGE_TAG", "dev")


@dataclass
class Rounds:
    """Of one image: seconds to package it, and the bytes of a change."""

    unchanged: list[float] = field(default_factory=list)
    changed: list[float] = field(default_factory=list)
    shipped: list[int] = field(default_factory=list)


def package(clone: Path, service: str) -> float:
    """Seconds that Pants takes for the image."""
    command = ["./pants", "package", f"services/{service}:image"]
    begun = time.perf_counter()
    ended = subprocess.run(command, cwd=clone, capture_output=True, text=True)
    if ended.returncode != 0:
        sys.exit(f"{' '.join(command)}:\n{ended.stderr}")
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


def say(service: str, what: str, value: str) -> None:
    sys.stdout.write(f"{service:13}  {what:34}  {value}\n")


def megabytes(size: float) -> str:
    return f"{size / 1e6:.2f} MB"


def spread(values: Sequence[float], unit: str) -> str:
    return f"{statistics.median(values):.2f} {unit} [{min(values):.2f}-{max(values):.2f}]"


def measure(clone: Path, rounds: int) -> dict[str, Rounds]:
    measured = {service: Rounds() for service in CHANGED}
    for service in CHANGED:
        package(clone, service)
    for number in range(rounds):
        for service, module in CHANGED.items():
            rounds_of = measured[service]
            rounds_of.unchanged.append(package(clone, service))
            before = set(layer_ids(f"{service}:{TAG}"))
            with (clone / module).open("a") as source:
                source.write(f"# measured: {number} {time.time()}\n")
            rounds_of.changed.append(package(clone, service))
            new = layer_sizes(f"{service}:{TAG}", before)
            rounds_of.shipped.append(sum(compressed for _, compressed in new))
    return measured


def report(service: str, measured: Rounds) -> None:
    added = layer_sizes(f"{service}:{TAG}", set(layer_ids(BASE)))
    size, compressed = (sum(part) for part in zip(*added, strict=True))
    say(service, "image without its base", f"{megabytes(size)}, compressed {megabytes(compressed)}")
    say(service, "package, nothing changed", spread(measured.unchanged, "s"))
    say(service, "package, one line changed", spread(measured.changed, "s"))
    pairs = zip(measured.changed, measured.unchanged, strict=True)
    say(service, "changed ÷ unchanged", spread([a / b for a, b in pairs], ""))
    say(service, "shipped after one line, at most", megabytes(max(measured.shipped)))


def stop_pants(clone: Path) -> None:
    """The Pants daemon of the clone would outlive it."""
    for pid in clone.glob(".pids/*/pantsd/pid"):
        os.kill(int(pid.read_text()), signal.SIGTERM)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    rounds = parser.parse_args().rounds
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the clone goes
    with tempfile.TemporaryDirectory(prefix="images-") as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", "--shared", ROOT, clone], check=True)
        try:
            measured = measure(clone, rounds)
        finally:
            stop_pants(clone)
    for service, of in measured.items():
        report(service, of)


if __name__ == "__main__":
    main()
