"""What every benchmark reports: figures with their spread, and where they were measured."""

import importlib.metadata
import json
import os
import platform
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One figure over the rounds. A bound is what the project promises of its median."""

    name: str
    unit: str
    rounds: Sequence[float]
    at_most: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def holds(self) -> bool:
        return self.at_most is None or self.median <= self.at_most

    def __str__(self) -> str:
        spread = f"[{min(self.rounds):.3g}-{max(self.rounds):.3g}]"
        bound = "" if self.at_most is None else f"  must be <= {self.at_most:g}: {self.verdict}"
        return f"{self.name}: {self.median:.3g} {self.unit} {spread}{bound}"

    @property
    def verdict(self) -> str:
        return "holds" if self.holds else "MISSED"


def machine() -> Mapping[str, Any]:
    """Where the figures come from: without it they cannot be compared."""
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpus": os.cpu_count(),
        "load": os.getloadavg()[0],
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "temporalio": importlib.metadata.version("temporalio"),
        "psycopg": importlib.metadata.version("psycopg"),
    }


def report(benchmark: str, figures: Sequence[Figure], folder: Path) -> bool:
    """Prints the figures, writes them as JSON into `folder`; whether all bounds hold."""
    folder.mkdir(parents=True, exist_ok=True)
    result = {
        "benchmark": benchmark,
        "machine": machine(),
        "figures": [
            {
                "name": figure.name,
                "unit": figure.unit,
                "median": figure.median,
                "rounds": list(figure.rounds),
                "at_most": figure.at_most,
                "holds": figure.holds,
            }
            for figure in figures
        ],
    }
    path = folder / f"{benchmark}.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    for figure in figures:
        sys.stdout.write(f"{benchmark}  {figure}\n")
    sys.stdout.write(f"{benchmark}  written to {path}\n")
    return all(figure.holds for figure in figures)
