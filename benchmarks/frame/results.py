"""What a run of a benchmark left: a small JSON file, written at once and read for the docs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.frame.figures import Figure


@dataclass(frozen=True)
class Result:
    """The figures of one run, and where and when they were measured."""

    benchmark: str
    figures: Sequence[Figure]
    notes: Sequence[str]
    """What the run found beside its figures, a sentence each."""
    when: str
    commit: str
    seconds: float
    """That the run took."""
    load: Sequence[float]
    """Load average before and after."""
    machine: Mapping[str, Any]
    versions: Mapping[str, str]

    @property
    def holds(self) -> bool:
        return all(figure.holds for figure in self.figures)

    @property
    def last_line(self) -> str:
        """The figures with a bound, and whether all hold."""
        bounded = "; ".join(str(figure) for figure in self.figures if figure.bounded)
        return f"{self.benchmark}: {'holds' if self.holds else 'MISSED'}  {bounded}"


def write(result: Result, folder: Path) -> Path:
    """The whole file or none: an `all` that is cut off is resumed from these files."""
    folder.mkdir(parents=True, exist_ok=True)
    path = path_of(result.benchmark, folder)
    new = path.with_suffix(".new")
    document = asdict(result)
    for figure, entry in zip(result.figures, document["figures"], strict=True):
        entry["rounds"] = [float(f"{value:.6g}") for value in figure.rounds]
        entry["median"] = float(f"{figure.median:.6g}")
        entry["holds"] = figure.holds
    new.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    new.replace(path)
    return path


def read(path: Path) -> Result:
    """Raises ValueError: the file is not a result."""
    try:
        document = json.loads(path.read_text())
        figures = [
            Figure(**{key: entry[key] for key in Figure.__dataclass_fields__})
            for entry in document.pop("figures")
        ]
        return Result(figures=figures, **document)
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise ValueError(f"{path} is not the result of a benchmark: {error!r}") from None


def path_of(benchmark: str, folder: Path) -> Path:
    return folder / f"{benchmark}.json"
