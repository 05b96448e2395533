"""Starts that cannot succeed: exit code 2 and one line that says what to mend."""

import socket
from collections.abc import Mapping
from pathlib import Path

from dev_servers.ports import HOST
from dev_servers.temporal_server import TemporalServer
from temporal_common.testing import ServiceProcess
from tests.support.probe.worker import settings_of
from tests.support.refusing_server import refusing_server


async def ended_at_its_start(settings: Mapping[str, str], log: Path) -> tuple[int, list[str]]:
    """Exit code of a service, and the lines it wrote that are not of its log."""
    service = await ServiceProcess.start("tests.support.probe", settings, log=log)
    try:
        code = await service.wait()
    finally:
        await service.kill()
    return code, [line for line in service.output().splitlines() if not line.startswith("{")]


async def test_a_missing_namespace(temporal: TemporalServer, tmp_path: Path) -> None:
    settings = settings_of(temporal.address, "fleet", TEMPORAL_NAMESPACE="nowhere")
    code, lines = await ended_at_its_start(settings, tmp_path / "log")

    assert lines == [
        f"probe: TEMPORAL_NAMESPACE='nowhere' does not exist at {temporal.address}; "
        "make it with: temporal operator namespace create -n nowhere"
    ]
    assert code == 2


async def test_refused_credentials(tmp_path: Path) -> None:
    async with refusing_server(16, "Request unauthorized.") as address:
        code, lines = await ended_at_its_start(settings_of(address, "fleet"), tmp_path / "log")

    assert lines == [
        f"probe: Temporal at {address} refuses our credentials for namespace 'default': "
        "Request unauthorized. (TEMPORAL_API_KEY or TEMPORAL_TLS_CLIENT_…)"
    ]
    assert code == 2


async def test_a_health_port_in_use(temporal: TemporalServer, tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = str(taken.getsockname()[1])
        code, lines = await ended_at_its_start(
            settings_of(temporal.address, "fleet", HEALTH_PORT=port), tmp_path / "log"
        )

    assert lines == [
        f"probe: HEALTH_PORT={port} cannot be served on HEALTH_HOST='{HOST}': "
        "Address already in use; choose a free port, or 0 for any"
    ]
    assert code == 2


async def test_several_wrong_settings_are_named_at_once(tmp_path: Path) -> None:
    settings = settings_of(
        "localhost",
        "Fleet!",
        TEMPORAL_QUEUE_SHARDS="0",
        LOG_LEVEL="loud",
        WORKER_MAX_CONCURRENT_ACTIVITIES="many",
    )
    code, lines = await ended_at_its_start(settings, tmp_path / "log")

    assert [line.split("=")[0] for line in lines] == [
        "probe: TEMPORAL_ADDRESS",
        "probe: TEMPORAL_QUEUE_PREFIX",
        "probe: TEMPORAL_QUEUE_SHARDS",
        "probe: LOG_LEVEL",
        "probe: WORKER_MAX_CONCURRENT_ACTIVITIES",
    ]
    assert code == 2
