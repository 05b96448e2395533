"""The exit codes, which scripts may rely on."""

from enum import IntEnum
from typing import Final


class ExitCode(IntEnum):
    """How a command ended."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFLICT = 3
    NOT_FOUND = 4
    REFUSED = 5
    UNREACHABLE = 6
    INTERRUPTED = 130


MEANINGS: Final = {
    ExitCode.OK: "done, or started with --no-wait",
    ExitCode.FAILED: "the work failed, or something is wrong with the fleet (doctor, shards)",
    ExitCode.USAGE: "an argument or a setting is wrong",
    ExitCode.CONFLICT: "it exists already, the same work is running, or it was changed meanwhile",
    ExitCode.NOT_FOUND: "no such tenant, deployment or version, or no such work is running",
    ExitCode.REFUSED: "the fleet refuses it: wrong token, too late, wrong state, still in use",
    ExitCode.UNREACHABLE: "Temporal or Postgres cannot be reached",
    ExitCode.INTERRUPTED: "Ctrl-C; work that was started goes on",
}
