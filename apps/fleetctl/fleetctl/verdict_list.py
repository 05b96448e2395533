"""The list of verdicts that `fleetctl doctor` draws for a person, on stdout."""

import sys
from collections.abc import Iterable
from typing import Final

from fleetctl.checks.verdicts import Checked, Verdict
from fleetctl.output import printable, result

_MARKS: Final = {
    Verdict.OK: ("✔", "+", "green"),
    Verdict.PROBLEM: ("✘", "x", "red"),
    Verdict.UNKNOWN: ("?", "?", "yellow"),
    Verdict.LEFT_OUT: ("·", "-", "dim"),
}
"""Mark, mark without Unicode, style on a terminal."""

_NAMES: Final = 15
"""Width of the column of names."""


def draw(checked: Checked) -> None:
    """Writes one check: its verdict, what was seen, and what is to be mended."""
    if sys.stdout.isatty():
        _draw(checked)
        return
    result(f"{_mark(checked.verdict)} {checked.check:<{_NAMES}} {_detail(checked)}")
    for line in _lines(checked):
        result(f"  {'':<{_NAMES}} {line}")


def summary(checks: Iterable[Checked]) -> str:
    """One line for all of them."""
    checks = list(checks)
    problems = sum(len(checked.problems) for checked in checks)
    unknown = [checked.check for checked in checks if checked.verdict is Verdict.UNKNOWN]
    if not problems and not unknown:
        return "the fleet is healthy"
    said = [f"{problems} problem{'' if problems == 1 else 's'}"] if problems else []
    if unknown:
        said.append(f"could not check: {', '.join(unknown)}")
    return "; ".join(said)


def _lines(checked: Checked) -> list[str]:
    """What is to be said of its problems."""
    lines = []
    for problem in checked.problems:
        lines += [problem.what, f"where: {problem.where}", f"mend: {problem.mend}"]
    return lines


def _detail(checked: Checked) -> str:
    if checked.verdict in (Verdict.UNKNOWN, Verdict.LEFT_OUT):
        return f"{checked.verdict}: {checked.detail}"
    return checked.detail


def _mark(verdict: Verdict) -> str:
    mark, plain, _ = _MARKS[verdict]
    try:
        mark.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return plain
    return mark


def _draw(checked: Checked) -> None:
    """On a terminal: in colour, and what is longer than a line stays in its column."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    style = _MARKS[checked.verdict][2]
    drawn = Table.grid(padding=(0, 1, 0, 0))
    drawn.add_column()
    drawn.add_column(width=_NAMES)
    drawn.add_row(
        Text(_mark(checked.verdict), style=style),
        Text(checked.check),
        Text(printable(_detail(checked)), style="dim"),
    )
    for line in _lines(checked):
        drawn.add_row("", "", Text(printable(line)))
    Console(file=sys.stdout).print(drawn)
