"""How a service is asked to stop, and what ends it when stopping does not come to an end."""

import asyncio
import os
import queue
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final, TypeVar

import structlog

log = structlog.get_logger()

_T = TypeVar("_T")
_REQUESTED: Final = "requested"
_OVER: Final = "over"


class Stop:
    """The request to stop: from a signal handler, a thread, or the loop; the first one counts."""

    def __init__(self) -> None:
        self.reason = ""
        self._event = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        # SimpleQueue, because a signal handler may interrupt its own thread inside `put`; an Event
        # or a Condition would wait there for a lock that the same thread holds.
        self._news: queue.SimpleQueue[str] = queue.SimpleQueue()

    def request(self, reason: str) -> None:
        """Harmless to repeat, and after the end."""
        if self.reason:
            return
        self.reason = reason
        self._news.put(_REQUESTED)
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self) -> None:
        await self._event.wait()

    @contextmanager
    def deadline(self, limit: timedelta, exit_code: Callable[[], int]) -> Iterator[None]:
        """Ends the process with `exit_code()` if the block goes on for `limit` after the request.

        For what does not come to an end by itself: a hung server, an activity that ignores its
        cancellation, a pool that does not close. From a thread that waits from the start, because
        an event loop that is blocked could neither notice the request nor the time.
        """

        def watch() -> None:
            due: float | None = None
            while True:
                left = None if due is None else max(0.0, due - time.monotonic())
                try:
                    news = self._news.get(timeout=left)
                except queue.Empty:
                    code = exit_code()
                    log.error("hard deadline reached", after=str(limit), exit_code=code)
                    os._exit(code)
                if news == _OVER:
                    return
                due = due or time.monotonic() + limit.total_seconds()

        watcher = threading.Thread(target=watch, name="hard-deadline", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            self._news.put(_OVER)


async def unless_stopped(stop: Stop, work: Coroutine[Any, Any, _T]) -> _T | None:
    """The result of `work`, or `None` when `stop` came first; `work` is then cancelled."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        stopping.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)
