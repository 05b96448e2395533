"""The HTTP side of health: `/livez`, `/readyz`, `/health` and `/metrics` on one port.

aiohttp in a thread with an event loop of its own: when an activity blocks the main loop, the probe
gets a 503 that says so, with the blocking stack in the log, in place of a time-out.
"""

import asyncio
import os
import socket
import sys
import threading
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Final

import structlog

from temporal_common.errors import SettingsError
from temporal_common.health import Health
from temporal_common.settings import HealthSettings

if TYPE_CHECKING:
    from aiohttp import web

log = structlog.get_logger()

_TICK: Final = 0.25
_WARN_BLOCKED_AFTER: Final = 2.0
_JOIN_TIMEOUT: Final = 5.0
_BACKLOG: Final = 128
_PAGES_LOADED_AFTER: Final = 0.5
"""Seconds that a start has for itself, if it is not settled earlier. Until then the port listens,
and whoever asks waits a little for the answer."""


@contextmanager
def health_server(health: Health, settings: HealthSettings, metrics_url: str) -> Iterator[int]:
    """Serves the health of this process until the block ends; gives the port.

    Raises:
        SettingsError: the port is taken or not allowed, or the host is not one of ours.
    """
    server = _Server(health, settings, metrics_url, threading.current_thread())
    port = server.start()
    try:
        yield port
    finally:
        server.stop()


@asynccontextmanager
async def loop_heartbeat(health: Health) -> AsyncIterator[None]:
    """Tells `health` about each turn of the running event loop."""

    async def beat() -> None:
        while True:
            health.loop_turned()
            await asyncio.sleep(_TICK)

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class _Server:
    def __init__(
        self, health: Health, settings: HealthSettings, metrics_url: str, watched: threading.Thread
    ) -> None:
        self._health = health
        self._settings = settings
        self._metrics_url = metrics_url
        self._watched = watched
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)

    def start(self) -> int:
        """From here on whoever asks is answered, at the latest when the pages are loaded."""
        try:
            self._socket = _listening(self._settings.host, self._settings.port)
        except (OSError, UnicodeError) as error:  # the second: no host has such a name
            raise SettingsError(
                f"HEALTH_PORT={self._settings.port} cannot be served on "
                f"HEALTH_HOST={self._settings.host!r}: {_reason(error)}; "
                "choose a free port, or 0 for any"
            ) from None
        self._thread.start()
        port: int = self._socket.getsockname()[1]
        return port

    def stop(self) -> None:
        self._stop.set()
        self._health.settled.set()
        self._thread.join(timeout=_JOIN_TIMEOUT)
        self._socket.close()

    def _run(self) -> None:
        self._health.settled.wait(_PAGES_LOADED_AFTER)
        if self._stop.is_set():
            return
        from temporal_common.health_pages import runner

        asyncio.run(self._serve(runner(self._health, self._metrics_url)))

    async def _serve(self, runner: "web.AppRunner") -> None:
        from aiohttp import web

        await runner.setup()
        await web.SockSite(runner, self._socket).start()
        await self._watch()
        await runner.cleanup()

    async def _watch(self) -> None:
        """Waits for the stop, and names what blocks the main loop, once for each time."""
        reported = False
        while not self._stop.is_set():
            blocked = self._health.loop_blocked_for() > _WARN_BLOCKED_AFTER
            if blocked and not reported:
                log.warning("event loop is blocked", stack=self._watched_stack())
            reported = blocked
            await asyncio.to_thread(self._stop.wait, _TICK)

    def _watched_stack(self) -> str:
        frame = sys._current_frames().get(self._watched.ident or 0)
        return "".join(traceback.format_stack(frame)[-6:]) if frame else ""


def _listening(host: str, port: int) -> socket.socket:
    """On one address of the host; of a name that has both, on the IPv4 one."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    return socket.create_server(address[:2], family=family, backlog=_BACKLOG)


def _reason(error: OSError | UnicodeError) -> str:
    """The system's own text; `create_server` adds the address, which is in the line already."""
    if isinstance(error, OSError) and error.errno and not isinstance(error, socket.gaierror):
        return os.strerror(error.errno)
    return str(error)
