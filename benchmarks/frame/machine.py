"""Where figures were measured: without it they cannot be compared."""

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dev_servers.programs import postgres_program, temporal_program


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def load() -> float:
    """Of the last minute: how many processes ran or wanted to."""
    return round(os.getloadavg()[0], 2)


def machine() -> Mapping[str, Any]:
    return {
        "cpus": os.cpu_count(),
        "processor": _processor(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def versions() -> Mapping[str, str]:
    """Of what a figure depends on."""
    return {
        "python": platform.python_version(),
        "temporalio": importlib.metadata.version("temporalio"),
        "temporal": _said([temporal_program(), "--version"]).removeprefix("temporal version "),
        "postgres": _said([postgres_program("postgres"), "--version"]).split()[-1],
    }


def commit() -> str:
    """Of the checkout in the working folder, `unknown` outside of one."""
    try:
        return _said(["git", "rev-parse", "--short=12", "HEAD"])
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def _said(command: Sequence[str | Path]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
