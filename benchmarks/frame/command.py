"""The command line: which benchmarks to run, what to print, what to write, how to exit."""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.frame import machine
from benchmarks.frame.benchmark import Benchmark, BenchmarkFailed, Run
from benchmarks.frame.document import DOCUMENT, RESULTS, write_document
from benchmarks.frame.plot import draw
from benchmarks.frame.results import Result, path_of, read, write
from benchmarks.frame.summary import summary

HOLDS, MISSED, FAILED, USAGE, INTERRUPTED = 0, 1, 1, 2, 130
OUTPUT: Final = Path("dist/benchmarks")

_LIMIT: Final = 360.0  # seconds for one benchmark at its default rounds; a hang ends there
_EXAMPLES: Final = f"""\
examples:
  ./pants run benchmarks:bench -- isolation                   one benchmark
  ./pants run benchmarks:bench -- isolation fairness --rounds 1
  ./pants run benchmarks:bench -- all                         25 minutes on 2 cores at most
  ./pants run benchmarks:bench -- all --resume                what has no result at this commit
  ./pants run benchmarks:bench -- all --record                and make {DOCUMENT}
  ./pants run benchmarks:bench -- docs                        only that, from {RESULTS}

exit code: 0 every bound holds; 1 one is missed, or a benchmark failed; 2 wrong usage;
130 interrupted
"""


def main(benchmarks: Sequence[Benchmark], arguments: Sequence[str] | None = None) -> int:
    """Runs the command; gives its exit code."""
    parser = _parser(benchmarks)
    given = parser.parse_args(arguments)
    if given.names == ["docs"]:
        return _docs(benchmarks, given.output or RESULTS)
    names = [b.name for b in benchmarks] if "all" in given.names else given.names
    if unknown := [name for name in names if name not in {b.name for b in benchmarks}]:
        parser.error(
            f"no benchmark {unknown[0]!r}; there are: {', '.join(b.name for b in benchmarks)}"
        )
    output = given.output or (RESULTS if given.record else OUTPUT)
    chosen = [benchmark for benchmark in benchmarks if benchmark.name in names]
    for benchmark in tuple(chosen):
        if reason := benchmark.why_not():
            _say(f"{benchmark.name}: left out: {reason}")
            if benchmark.name in given.names:
                return FAILED
            chosen.remove(benchmark)
    try:
        code = _run_all(chosen, given.rounds, output, resume=given.resume)
    except KeyboardInterrupt:
        _say("interrupted; --resume goes on where it was")
        return INTERRUPTED
    if given.record:
        _docs(benchmarks, output)
    return code


def _run_all(chosen: Sequence[Benchmark], rounds: int | None, output: Path, *, resume: bool) -> int:
    """One benchmark after another; one that fails does not keep the others from being run."""
    commit = machine.commit()
    ended: dict[str, Result | None] = {}
    for benchmark in chosen:
        result = _earlier(benchmark, output, commit) if resume else None
        if result is not None:
            _say(f"{benchmark.name}: has a result of {result.when} at this commit")
        else:
            result = _run(benchmark, rounds or benchmark.rounds, output, commit)
        ended[benchmark.name] = result
    if len(chosen) > 1:
        sys.stdout.write("\n" + summary(ended))
    return HOLDS if all(result and result.holds for result in ended.values()) else MISSED


def _run(benchmark: Benchmark, rounds: int, output: Path, commit: str) -> Result | None:
    """None when it failed, which has been said."""
    began, when, load = time.monotonic(), machine.now(), machine.load()

    def say(text: str) -> None:
        _say(f"{benchmark.name}  {time.monotonic() - began:4.0f} s  {text}")

    async def measure() -> Result:
        run = Run(rounds, say)
        limit = _LIMIT * max(1.0, rounds / benchmark.rounds)
        measured = await run.bounded(benchmark.measure(run), seconds=limit)
        return Result(
            benchmark=benchmark.name,
            figures=measured.figures,
            notes=measured.notes,
            when=when,
            commit=commit,
            seconds=round(time.monotonic() - began, 1),
            load=[load, machine.load()],
            machine=machine.machine(),
            versions=machine.versions(),
        )

    try:
        result = asyncio.run(measure())
    except Exception as error:  # whatever it is, the next benchmark can still be run
        sys.stdout.write(f"{benchmark.name}: FAILED  {_reason(error)}\n")
        sys.stdout.flush()
        return None
    path = write(result, output)
    if output != RESULTS:  # there the plots belong beside the page
        path.with_suffix(".svg").write_text(draw(result))
    _print(result, path)
    return result


def _print(result: Result, path: Path) -> None:
    for figure in result.figures:
        sys.stdout.write(f"{result.benchmark}  {figure}\n")
    for note in result.notes:
        sys.stdout.write(f"{result.benchmark}  {note}\n")
    sys.stdout.write(f"{result.benchmark}  {result.seconds:.0f} s; written to {path}\n")
    sys.stdout.write(f"{result.last_line}\n")
    sys.stdout.flush()


def _earlier(benchmark: Benchmark, output: Path, commit: str) -> Result | None:
    path = path_of(benchmark.name, output)
    if not path.exists():
        return None
    result = read(path)
    return result if result.commit == commit != "unknown" else None


def _docs(benchmarks: Sequence[Benchmark], results: Path) -> int:
    if not results.is_dir():
        _say(f"there is no folder {results}; run this from the top of the repository")
        return FAILED
    without = write_document(benchmarks, results, DOCUMENT)
    sys.stdout.write(f"written to {DOCUMENT}\n")
    if without:
        _say(f"no result yet: {', '.join(without)}")
    return HOLDS


def _reason(error: Exception) -> str:
    """One line. A fault of the benchmark itself is named by its type and its place."""
    text = " ".join(str(error).split())
    if isinstance(error, BenchmarkFailed):
        return text
    at, trace = "", error.__traceback__
    while trace is not None:
        at = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__}: {text} ({at})"


def _say(text: str) -> None:
    sys.stderr.write(f"bench: {text}\n")
    sys.stderr.flush()


def _parser(benchmarks: Sequence[Benchmark]) -> argparse.ArgumentParser:
    width = max(len(benchmark.name) for benchmark in benchmarks)
    known = "\n".join(f"  {b.name:{width}}  {b.claim}" for b in benchmarks)
    parser = argparse.ArgumentParser(
        prog="bench",
        description=f"Measures what this project claims.\n\nbenchmarks:\n{known}",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "names", nargs="+", metavar="NAME", help="of a benchmark above, several, `all`, or `docs`"
    )
    parser.add_argument(
        "--rounds", type=_at_least_one, metavar="N", help="by default what each benchmark says"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        help=f"where a JSON file and a plot of each are written; default: {OUTPUT}",
    )
    parser.add_argument(
        "--resume", action="store_true", help="skip what FOLDER has a result of at this commit"
    )
    parser.add_argument(
        "--record", action="store_true", help=f"write into {RESULTS}, then make {DOCUMENT} of it"
    )
    return parser


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("1 or more")
    return number
