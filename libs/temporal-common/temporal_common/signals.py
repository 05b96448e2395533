"""SIGTERM and SIGINT: the first asks for a drain, the second ends the process."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


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

    Uses `signal.signal` and not the event loop's handlers: these would wait for a loop that an
    activity blocks. The handlers that were there before are put back on exit.
    """
    received: list[int] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        if len(received) > 1:
            sys.stderr.write(f"{signal.Signals(number).name} again: ended without draining\n")
            sys.stderr.flush()
            os._exit(128 + number)
        on_first(signal.Signals(number).name)

    previous = {number: signal.signal(number, handle) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
