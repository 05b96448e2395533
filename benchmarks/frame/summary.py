"""The table at the end of a run of several benchmarks."""

from collections.abc import Mapping

from benchmarks.frame.figures import short
from benchmarks.frame.results import Result

_HEADS = ("BENCHMARK", "FIGURE", "MEDIAN", "MIN-MAX", "MUST BE", "")


def summary(ended: Mapping[str, Result | None]) -> str:
    """One row for each figure with a bound; a benchmark that failed has one as well."""
    rows = [_HEADS]
    for name, result in ended.items():
        if result is None:
            rows.append((name, "gave no result", "", "", "", "FAILED"))
            continue
        rows += [
            (
                name,
                figure.name,
                f"{short(figure.median)} {figure.unit}".strip(),
                figure.spread,
                figure.bound,
                figure.verdict,
            )
            for figure in result.figures
            if figure.bounded
        ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    held = sum(result is not None and result.holds for result in ended.values())
    minutes = sum(result.seconds for result in ended.values() if result) / 60
    return "\n".join([*lines, f"{held} of {len(ended)} benchmarks hold; {minutes:.1f} minutes\n"])
