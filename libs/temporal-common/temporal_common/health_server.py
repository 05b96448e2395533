"""The HTTP side of health: `/livez`, `/readyz`, `/health` and `/metrics` on one port.

In threads of its own: when an activity blocks the main loop, the probe gets a 503 that says so,
with the blocking stack in the log, in place of a time-out. By the standard library: requests are
few, and importing aiohttp would take a fifth of a service's start.
"""

import asyncio
import http.client
import http.server
import json
import os
import selectors
import socket
import socketserver
import sys
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

import structlog

from temporal_common.errors import SettingsError
from temporal_common.health import Health, State
from temporal_common.settings import HealthSettings

log = structlog.get_logger()

_TICK: Final = 0.25
_WARN_BLOCKED_AFTER: Final = 2.0
_JOIN_TIMEOUT: Final = 5.0
_REQUEST_TIMEOUT: Final = 5.0  # for a client to send its request
_METRICS_TIMEOUT: Final = 5.0

_TEXT: Final = "text/plain; charset=utf-8"
_Answer = tuple[int, str, bytes]
"""Status, content type, body."""


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
    """One thread that accepts requests and watches the main loop; one more for each request."""

    def __init__(
        self, health: Health, settings: HealthSettings, metrics_url: str, watched: threading.Thread
    ) -> None:
        self._health = health
        self._watched = watched
        self._reported = False
        self._wakes, self._wake = socket.socketpair()
        try:
            self._http = _Http(settings, _answers(health, metrics_url))
        except (OSError, UnicodeError) as error:
            raise SettingsError(
                f"HEALTH_PORT={settings.port} cannot be served on "
                f"HEALTH_HOST={settings.host!r}: {_reason(error)}; "
                "choose a free port, or 0 for any"
            ) from None
        self._thread = threading.Thread(target=self._serve, name="health", daemon=True)

    def start(self) -> int:
        self._thread.start()
        return self._http.server_port

    def stop(self) -> None:
        self._wake.close()
        self._thread.join(timeout=_JOIN_TIMEOUT)

    def _serve(self) -> None:
        with self._http, self._wakes, selectors.DefaultSelector() as selector:
            selector.register(self._http, selectors.EVENT_READ)
            selector.register(self._wakes, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select(_TICK)}
                if self._wakes in ready:
                    return
                if self._http in ready:
                    self._http.handle_request()
                self._watch()

    def _watch(self) -> None:
        """Names what blocks the main loop, once for each time."""
        blocked = self._health.loop_blocked_for() > _WARN_BLOCKED_AFTER
        if blocked and not self._reported:
            log.warning("event loop is blocked", stack=self._watched_stack())
        self._reported = blocked

    def _watched_stack(self) -> str:
        frame = sys._current_frames().get(self._watched.ident or 0)
        return "".join(traceback.format_stack(frame)[-6:]) if frame else ""


class _Http(http.server.ThreadingHTTPServer):
    """Bound when it is made. Does not wait for open requests at its end: they die with the process.

    Raises:
        OSError, UnicodeError: the port is taken or not allowed, or the host is not one of ours.
    """

    timeout = 0  # of `handle_request`, which is called when there is one
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self, settings: HealthSettings, handler: type[http.server.BaseHTTPRequestHandler]
    ) -> None:
        self.address_family, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        super().__init__(address[:2], handler)  # type: ignore[arg-type]

    def server_bind(self) -> None:
        # Not HTTPServer's, which asks the DNS for our name.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away before it had its answer is no fault of ours."""


def _answers(health: Health, metrics_url: str) -> type[http.server.BaseHTTPRequestHandler]:
    """The handler of one request, for this health."""

    def livez() -> _Answer:
        live, reason = health.live()
        return _json({"live": live, "reason": reason}, status=200 if live else 503)

    def readyz() -> _Answer:
        ready = health.state is State.READY
        return _json(
            {"ready": ready, "state": health.state, "reason": health.reason},
            status=200 if ready else 503,
        )

    answers: Mapping[str, Callable[[], _Answer]] = {
        "/livez": livez,
        "/readyz": readyz,
        "/health": lambda: _json(health.describe(), status=200),
        "/metrics": lambda: _metrics(metrics_url),
    }

    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = _REQUEST_TIMEOUT

        def do_GET(self) -> None:
            answer = answers.get(self.path.partition("?")[0])
            status, kind, body = answer() if answer else (404, _TEXT, b"not found\n")
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, format: str, *_arguments: object) -> None:
            """Probes come every few seconds, and their answers are in the metrics of who asks."""

    return Handler


def _json(document: Mapping[str, object], *, status: int) -> _Answer:
    return status, "application/json; charset=utf-8", json.dumps(document).encode()


def _metrics(url: str) -> _Answer:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.netloc, timeout=_METRICS_TIMEOUT)
    try:
        connection.request("GET", address.path)
        return 200, _TEXT, connection.getresponse().read()
    except (OSError, http.client.HTTPException) as error:
        return 503, _TEXT, f"# the SDK serves no metrics: {error}\n".encode()
    finally:
        connection.close()


def _reason(error: Exception) -> str:
    """asyncio words a failed bind anew and repeats the address; the system's text is enough."""
    if isinstance(error, OSError) and error.errno and not isinstance(error, socket.gaierror):
        return os.strerror(error.errno)
    return str(error)
