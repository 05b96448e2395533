"""Where words go: what was asked for to stdout, everything else to stderr.

A reader that has seen enough (`fleetctl tenant list | head -1`) is no error: what it left is
dropped, and the command ends with the exit code of its work.
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, TextIO

from fleetctl.exit_codes import ExitCode
from fleetctl.failures import Failure

_OUTPUT_ERROR: Final = "OutputError"


def result(text: str) -> None:
    """Writes what was asked for."""
    _write(sys.stdout, text)


def document(content: Mapping[str, object]) -> None:
    """Writes the one JSON document of a command with --json. Times are ISO 8601 in UTC."""
    _write(sys.stdout, json.dumps(content, indent=2, ensure_ascii=False, default=_as_json))


def note(text: str) -> None:
    """Tells a person how it goes."""
    _write(sys.stderr, text)


def report(failure: Failure, *, as_json: bool) -> None:
    """Writes why the command ends: a line on stderr, or the JSON document of a failure."""
    if as_json and failure.type != _OUTPUT_ERROR:
        document({"error": {"type": failure.type, "message": failure.message}})
        return
    for line in failure.message.splitlines():
        note(f"fleetctl: {line}")


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and values, a line each, the values below one another; without empty ones."""
    shown = [(name, value) for name, value in pairs if value]
    width = max((len(name) for name, _ in shown), default=0)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in shown)


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, styles: Sequence[str] = ()
) -> None:
    """Writes a table: drawn on a terminal, plain aligned columns in a pipe.

    `styles`: Rich's, of each row on a terminal; by default none.
    """
    if sys.stdout.isatty():
        _draw(header, rows, styles or [""] * len(rows))
        return
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    result(
        "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in ([name.upper() for name in header], *rows)
        )
    )


def moment(time: datetime | None) -> str:
    """A time for a person, in UTC to the second; empty for none."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if time else ""


def printable(text: str) -> str:
    """`text` without control characters: data must not steer the terminal that shows it."""
    return "".join(character if character.isprintable() else "�" for character in text)


def _draw(header: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[str]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*header, box=SIMPLE_HEAD, pad_edge=False)
    for row, style in zip(rows, styles, strict=True):
        # Text: "[x]" in a name is no markup.
        drawn.add_row(*(Text(cell) for cell in row), style=style)
    Console(file=sys.stdout).print(drawn)


def _write(stream: TextIO, text: str) -> None:
    # Control characters that came along in data or in an error go here as well.
    lines = "".join(printable(line) + "\n" for line in text.splitlines())
    try:
        stream.write(lines)
        stream.flush()
    except OSError as error:
        drop(stream)
        if stream is sys.stdout and not isinstance(error, BrokenPipeError):
            raise Failure(
                f"the output cannot be written: {error.strerror}",
                type=_OUTPUT_ERROR,
                code=ExitCode.FAILED,
            ) from None


def drop(stream: TextIO) -> None:
    """Lets further writes go nowhere, also those that the interpreter makes when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _as_json(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value)
