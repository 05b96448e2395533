"""What the system knows of a process, from /proc."""

import os
from pathlib import Path

from temporal_common.errors import FleetError


class NotKnown(FleetError):
    """The process has ended, or the system has no /proc."""


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used, its threads included and its children not.

    Raises:
        NotKnown: see there.
    """
    # After the name, which is in parentheses and may hold anything.
    fields = _read(f"{pid}/stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle_seconds() -> float:
    """CPU time that all cores of the machine together have spent on nothing, or on a disk.

    Raises:
        NotKnown: the system has no /proc.
    """
    _name, _user, _nice, _system, idle, disk, *_rest = _read("stat").split("\n", 1)[0].split()
    return (int(idle) + int(disk)) / os.sysconf("SC_CLK_TCK")


def resident_megabytes(pid: int) -> float:
    """Memory that it holds, shared libraries included.

    Raises:
        NotKnown: see there.
    """
    for line in _read(f"{pid}/status").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise NotKnown(f"process {pid} has no memory any more")


def _read(name: str) -> str:
    try:
        return Path(f"/proc/{name}").read_text()
    except OSError:
        raise NotKnown(
            f"/proc/{name} cannot be read: this needs Linux, and a process that runs"
        ) from None
