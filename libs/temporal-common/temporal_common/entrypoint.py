"""`main`: all that a service's `__main__.py` calls."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from temporal_common.signals import exit_quietly_on_signals

if TYPE_CHECKING:
    from temporal_common.worker import WorkerSpec


def main(load_spec: Callable[[], "WorkerSpec"], *, health_port: int) -> NoReturn:
    """Runs one workload as a process; never returns.

    The spec comes by a function, so that signals are handled before its imports take their second.
    Exit codes: 0 drained; 1 a worker ended by itself, or the hard deadline cut work off; 2 a
    setting is missing or wrong; 128 + number after a second signal, or a first during the start.
    """
    exit_quietly_on_signals()
    from temporal_common.process import run_process

    spec = load_spec()
    run_process(spec.service, [spec], health_port=health_port)
