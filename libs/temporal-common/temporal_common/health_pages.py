"""The pages of the health server: `/livez`, `/readyz`, `/health` and `/metrics`.

A module of its own, because aiohttp takes a tenth of a second of CPU to load: `health_server` loads
it when the workers have had the start to themselves.
"""

from typing import Final

import aiohttp
from aiohttp import web

from temporal_common.health import Health, State

_OPEN_REQUESTS_TIMEOUT: Final = 1.0
_METRICS_TIMEOUT: Final = aiohttp.ClientTimeout(total=5)


def runner(health: Health, metrics_url: str) -> web.AppRunner:
    """What serves the pages on a socket, once it is set up."""
    pages = _Pages(health, metrics_url)
    app = web.Application()
    app.router.add_get("/livez", pages.livez)
    app.router.add_get("/readyz", pages.readyz)
    app.router.add_get("/health", pages.describe)
    app.router.add_get("/metrics", pages.metrics)
    return web.AppRunner(
        app, access_log=None, shutdown_timeout=_OPEN_REQUESTS_TIMEOUT, handle_signals=False
    )


class _Pages:
    def __init__(self, health: Health, metrics_url: str) -> None:
        self._health = health
        self._metrics_url = metrics_url

    async def livez(self, _request: web.Request) -> web.Response:
        live, reason = self._health.live()
        return web.json_response({"live": live, "reason": reason}, status=200 if live else 503)

    async def readyz(self, _request: web.Request) -> web.Response:
        ready = self._health.state is State.READY
        return web.json_response(
            {"ready": ready, "state": self._health.state, "reason": self._health.reason},
            status=200 if ready else 503,
        )

    async def describe(self, _request: web.Request) -> web.Response:
        return web.json_response(self._health.describe())

    async def metrics(self, _request: web.Request) -> web.Response:
        try:
            async with (
                aiohttp.ClientSession(timeout=_METRICS_TIMEOUT) as session,
                session.get(self._metrics_url) as response,
            ):
                return web.Response(body=await response.read(), content_type="text/plain")
        except (aiohttp.ClientError, TimeoutError) as error:
            return web.Response(status=503, text=f"# the SDK serves no metrics: {error}\n")
