"""SIGTERM and SIGINT: the first asks for a drain, the second ends the process."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_SAME_PRESS: Final = 0.5


def exit_quietly_on_signals() -> None:
    """For the time before there is anything to drain: a signal ends the process at once.

    A container's process 1 has no default handlers, so without this SIGTERM during start-up would
    be ignored; and Ctrl-C during imports would print a traceback.
    """
    for number in STOP_SIGNALS:
        signal.signal(number, lambda received, _frame: os._exit(128 + received))


@contextmanager
def stop_signals(on_first: Callable[[str], None]) -> Iterator[None]:
    """Calls `on_first` with the signal's name; a second signal ends the process with 128 + number.

    One key press can arrive twice: from the terminal, which sends it to the whole foreground group,
    and from a parent that passes it on. So a signal within half a second of the first is the same.
    Uses `signal.signal` and not the event loop's handlers: these would wait for a loop that an
    activity blocks. The handlers that were there before are put back on exit.
    """
    first_at: float | None = None

    def handle(number: int, _frame: FrameType | None) -> None:
        nonlocal first_at
        if first_at is None:
            first_at = time.monotonic()
            on_first(signal.Signals(number).name)
        elif time.monotonic() - first_at > _SAME_PRESS:
            # Not sys.stderr: it refuses a second write while the signal has interrupted a first.
            os.write(2, f"{signal.Signals(number).name} again: ended without draining\n".encode())
            os._exit(128 + number)

    previous = {number: signal.signal(number, handle) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
