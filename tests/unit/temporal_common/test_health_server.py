"""The health server over real sockets."""

import asyncio
import gc
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from dev_servers.ports import HOST
from temporal_common.errors import SettingsError
from temporal_common.health import Health
from temporal_common.health_server import health_server, loop_heartbeat
from temporal_common.settings import HealthSettings
from temporal_common.testing import HealthClient

NO_METRICS = f"http://{HOST}:1/metrics"


@pytest.fixture
def health() -> Health:
    return Health("probe", "probe", "1", None, "probe@here", blocked_after=30.0)


@pytest.fixture
def server(health: Health) -> Iterator[HealthClient]:
    with health_server(health, HealthSettings(host=HOST, port=0), NO_METRICS) as port:
        yield HealthClient(f"http://{HOST}:{port}")


async def test_a_starting_service_is_live_and_not_ready(
    server: HealthClient, health: Health
) -> None:
    health.starting("waiting for Temporal")
    ready, live = await server.get("/readyz"), await server.get("/livez")

    assert (ready.status, live.status) == (503, 200)
    assert ready.json == {"ready": False, "state": "starting", "reason": "waiting for Temporal"}


async def test_a_ready_service_is_ready(server: HealthClient, health: Health) -> None:
    health.ready()
    assert (await server.get("/readyz")).status == 200


async def test_a_draining_service_is_live_and_not_ready(
    server: HealthClient, health: Health
) -> None:
    health.ready()
    health.draining("SIGTERM")
    assert [(await server.get(path)).status for path in ("/readyz", "/livez")] == [503, 200]


async def test_a_failed_service_is_neither(server: HealthClient, health: Health) -> None:
    health.failed("worker ended")
    assert [(await server.get(path)).status for path in ("/readyz", "/livez")] == [503, 503]
    assert (await server.get("/livez")).json == {"live": False, "reason": "worker ended"}


async def test_the_description_is_answered_in_every_state(
    server: HealthClient, health: Health
) -> None:
    health.failed("worker ended")
    answer = await server.get("/health")
    assert (answer.status, answer.json["state"]) == (200, "failed")


async def test_metrics_that_the_sdk_does_not_serve_are_a_503_and_not_an_error(
    server: HealthClient,
) -> None:
    answer = await server.get("/metrics")
    assert answer.status == 503
    assert answer.text.startswith("# the SDK serves no metrics: ")


async def test_an_unknown_path_is_a_404(server: HealthClient) -> None:
    assert (await server.get("/")).status == 404


async def test_it_answers_while_the_event_loop_is_held(
    server: HealthClient, health: Health
) -> None:
    answers: list[int] = []

    def ask() -> None:
        request = b"GET /livez HTTP/1.0\r\n\r\n"
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(request)
            answers.append(int(connection.makefile().readline().split()[1]))

    health._turned_at = time.monotonic() - 31
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join(timeout=10)  # holds the event loop of this test
    assert answers == [503]


async def test_a_turning_loop_is_seen(health: Health) -> None:
    health._turned_at = 0.0
    async with loop_heartbeat(health):
        await asyncio.sleep(0)
    assert health.loop_blocked_for() < 30


def test_its_port_is_free_and_its_thread_gone_after_the_block(health: Health) -> None:
    with health_server(health, HealthSettings(host=HOST, port=0), NO_METRICS) as port:
        pass
    with socket.create_server((HOST, port)):
        pass
    assert "health" not in [thread.name for thread in threading.enumerate()]


async def test_a_request_that_hangs_does_not_hold_it_and_leaves_nothing(
    health: Health, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server((HOST, 0)) as silent:
        metrics = f"http://{HOST}:{silent.getsockname()[1]}/metrics"
        with (
            health_server(health, HealthSettings(host=HOST, port=0), metrics) as port,
            socket.create_connection((HOST, port)) as client,
        ):
            client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            silent.accept()  # it is being answered now
    assert "health" not in [thread.name for thread in threading.enumerate()]
    gc.collect()  # a task that nobody ended complains now
    assert [record for record in caplog.records if record.name == "asyncio"] == []


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("192.0.2.1", "HEALTH_HOST='192.0.2.1': Cannot assign requested address; "),
        ("x" * 70, "label"),
    ],
)
def test_a_host_that_is_not_ours_is_a_settings_error(
    health: Health, host: str, reason: str
) -> None:
    with (
        pytest.raises(SettingsError, match=reason),
        health_server(health, HealthSettings(host=host, port=0), NO_METRICS),
    ):
        pass
