"""Runs benchmarks: `./pants run benchmarks:bench -- NAME...`, or `all`.

Exit code 1 when a figure misses its bound.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from benchmarks import images, provisioning, worker_process
from benchmarks.report import Figure, report
from temporal_common.process import end_process

BENCHMARKS: Mapping[str, Callable[[int], Awaitable[Sequence[Figure]]]] = {
    "images": images.measure,
    "provisioning": provisioning.measure,
    "worker-process": worker_process.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("names", nargs="+", choices=[*BENCHMARKS, "all"], metavar="NAME")
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument("--results", type=Path, default=Path("dist/benchmarks"))
    given = parser.parse_args()
    names = [*BENCHMARKS] if "all" in given.names else given.names
    if "all" in given.names and not images.built():
        sys.stdout.write("images: left out, no images are built here (docs/images.md)\n")
        names.remove("images")
    holds = [
        report(name, asyncio.run(_measure(name, given.rounds)), given.results) for name in names
    ]
    end_process(0 if all(holds) else 1)


async def _measure(name: str, rounds: int) -> Sequence[Figure]:
    sys.stdout.write(f"{name}: {rounds} rounds\n")
    return await BENCHMARKS[name](rounds)


if __name__ == "__main__":
    main()
