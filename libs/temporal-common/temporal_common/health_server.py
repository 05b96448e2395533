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
from typing import Final

import aiohttp
import structlog
from aiohttp import web

from temporal_common.errors import SettingsError
from temporal_common.health import Health, State
from temporal_common.settings import HealthSettings

log = structlog.get_logger()

_TICK: Final = 0.25
_WARN_BLOCKED_AFTER: Final = 2.0
_JOIN_TIMEOUT: Final = 5.0
_OPEN_REQUESTS_TIMEOUT: Final = 1.0
_METRICS_TIMEOUT: Final = aiohttp.ClientTimeout(total=5)


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
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._started = threading.Event()
        self._failure: Exception | None = None
        self._port = 0
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve()), name="health", daemon=True
        )

    def start(self) -> int:
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            raise SettingsError(
                f"HEALTH_PORT={self._settings.port} cannot be served on "
                f"HEALTH_HOST={self._settings.host!r}: {_reason(self._failure)}; "
                "choose a free port, or 0 for any"
            ) from None
        return self._port

    def stop(self) -> None:
        assert self._loop is not None, "not started"
        with suppress(RuntimeError):  # the loop is closed: the thread has ended by itself
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=_JOIN_TIMEOUT)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        app = web.Application()
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/health", self._describe)
        app.router.add_get("/metrics", self._metrics)
        runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=_OPEN_REQUESTS_TIMEOUT, handle_signals=False
        )
        await runner.setup()
        try:
            site = web.TCPSite(runner, self._settings.host, self._settings.port)
            await site.start()
            self._port = runner.addresses[0][1]
        except Exception as error:  # whatever it is, `start` waits for it
            self._failure = error
        finally:
            self._started.set()
        if self._failure is None:
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
            try:
                await asyncio.wait_for(self._stop.wait(), _TICK)
            except TimeoutError:
                continue

    def _watched_stack(self) -> str:
        frame = sys._current_frames().get(self._watched.ident or 0)
        return "".join(traceback.format_stack(frame)[-6:]) if frame else ""

    async def _livez(self, _request: web.Request) -> web.Response:
        live, reason = self._health.live()
        return web.json_response({"live": live, "reason": reason}, status=200 if live else 503)

    async def _readyz(self, _request: web.Request) -> web.Response:
        ready = self._health.state is State.READY
        return web.json_response(
            {"ready": ready, "state": self._health.state, "reason": self._health.reason},
            status=200 if ready else 503,
        )

    async def _describe(self, _request: web.Request) -> web.Response:
        return web.json_response(self._health.describe())

    async def _metrics(self, _request: web.Request) -> web.Response:
        try:
            async with (
                aiohttp.ClientSession(timeout=_METRICS_TIMEOUT) as session,
                session.get(self._metrics_url) as response,
            ):
                return web.Response(body=await response.read(), content_type="text/plain")
        except (aiohttp.ClientError, TimeoutError) as error:
            return web.Response(status=503, text=f"# the SDK serves no metrics: {error}\n")


def _reason(error: Exception) -> str:
    """asyncio words a failed bind anew and repeats the address; the system's text is enough."""
    if isinstance(error, OSError) and error.errno and not isinstance(error, socket.gaierror):
        return os.strerror(error.errno)
    return str(error)
