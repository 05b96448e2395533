"""The SQL that a Postgres session really ran, from the server's own log, as a script for psql."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

LOGGING: Final[Mapping[str, str]] = {
    "logging_collector": "on",
    "log_destination": "jsonlog",
    "log_directory": "capture",
    "log_filename": "statements",
    "log_statement": "all",
}
"""Settings of the server under which `logged_script` finds its log."""

_MESSAGE: Final = re.compile(r"(?:statement|execute [^:]*): (?P<sql>.*)", re.DOTALL)
_PARAMETER: Final = re.compile(r"\$(\d+) = ('(?:[^']|'')*'|NULL)")
_PLACEHOLDER: Final = re.compile(r"\$(\d+)")


def logged_script(data: Path, database: str, *, containing: str) -> str:
    """The committed transactions on `database` that contain a text, in order."""
    transactions = _transactions(data / "capture" / "statements.json", database)
    return "\n".join(sql for sql in transactions if containing in sql)


def _transactions(log: Path, database: str) -> Iterator[str]:
    running: dict[str, list[str]] = {}
    for line in log.read_text().splitlines():
        entry = json.loads(line)
        message = _MESSAGE.fullmatch(entry.get("message", ""))
        if entry.get("dbname") != database or message is None:
            continue
        session, sql = entry["session_id"], _inlined(message["sql"], entry)
        running.setdefault(session, []).append(f"{sql.rstrip().rstrip(';')};")
        if sql == "COMMIT":
            yield "\n".join(running.pop(session))
        elif sql == "ROLLBACK":
            del running[session]


def _inlined(sql: str, entry: Mapping[str, Any]) -> str:
    values = {number: value for number, value in _PARAMETER.findall(entry.get("detail", ""))}
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), sql)
