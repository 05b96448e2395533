"""docs/benchmarks.md and its plots, made from the results that are committed."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from benchmarks.frame.benchmark import Benchmark
from benchmarks.frame.figures import Figure, short
from benchmarks.frame.plot import draw
from benchmarks.frame.results import Result, path_of, read

RESULTS: Final = Path("benchmarks/results")
DOCUMENT: Final = Path("docs/benchmarks.md")

_HEAD: Final = """\
# Benchmarks

<!-- Made by `./pants run benchmarks:bench -- docs` from benchmarks/results. Do not edit. -->

Every claim of this project has a benchmark that anyone can run. Each compares two sides in one run,
in turn, over several rounds; a ratio is taken within a round. Quoted are the median of the rounds,
the smallest and the largest. Ratios hold on a busy machine, absolute times do not.

```
./pants run benchmarks:bench -- all             # at most 25 minutes on 2 cores
./pants run benchmarks:bench -- isolation       # one of them
./pants run benchmarks:bench -- all --record    # these results and this page anew
```

The exit code is 1 when a bound is missed. In a plot a dot is a round, the tick their median, the
dashed line the bound.
"""


def write_document(benchmarks: Sequence[Benchmark], results: Path, document: Path) -> list[str]:
    """Writes the page, and its plots into a folder beside it; the names without a result."""
    found = {
        benchmark.name: read(path_of(benchmark.name, results))
        for benchmark in benchmarks
        if path_of(benchmark.name, results).exists()
    }
    plots = document.with_suffix("")
    plots.mkdir(parents=True, exist_ok=True)
    for name, result in found.items():
        (plots / f"{name}.svg").write_text(draw(result))
    document.write_text("\n".join(_page(benchmarks, found, plots.name)) + "\n")
    return [benchmark.name for benchmark in benchmarks if benchmark.name not in found]


def _page(benchmarks: Sequence[Benchmark], found: dict[str, Result], plots: str) -> Iterator[str]:
    yield _HEAD
    yield "| benchmark | figure | median | smallest-largest | must be | |"
    yield "|---|---|---|---|---|---|"
    for name, result in found.items():
        for figure in result.figures:
            if figure.bounded:
                yield _row(f"[{name}](#{name})", figure)
    for benchmark in benchmarks:
        if benchmark.name in found:
            yield from _section(benchmark, found[benchmark.name], plots)


def _section(benchmark: Benchmark, result: Result, plots: str) -> Iterator[str]:
    yield f"\n## {benchmark.name}\n"
    yield f"**{benchmark.claim}**\n"
    yield f"{benchmark.how.strip()}\n"
    yield f"![{benchmark.name}]({plots}/{benchmark.name}.svg)\n"
    yield "| figure | median | smallest-largest | rounds | must be | |"
    yield "|---|---|---|---|---|---|"
    for figure in result.figures:
        cells = (
            figure.name,
            f"{short(figure.median)} {figure.unit}",
            figure.spread,
            str(len(figure.rounds)),
            figure.bound,
            figure.verdict,
        )
        yield f"| {' | '.join(cells)} |"
    for note in result.notes:
        yield f"\n{note}"
    machine, versions = result.machine, result.versions
    yield (
        f"\nMeasured {result.when[:10]} at commit {result.commit} in {result.seconds:.0f} s, "
        f"on {machine['cpus']} CPUs ({machine['processor']}), {machine['memory_gb']:g} GB, "
        f"{machine['system']}, load {result.load[0]:g} before and {result.load[1]:g} after; "
        f"Python {versions['python']}, temporalio {versions['temporalio']}, "
        f"Temporal {versions['temporal']}, PostgreSQL {versions['postgres']}."
    )


def _row(name: str, figure: Figure) -> str:
    median = f"{short(figure.median)} {figure.unit}"
    cells = (name, figure.name, median, figure.spread, figure.bound, figure.verdict)
    return f"| {' | '.join(cells)} |"
