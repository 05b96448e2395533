"""The Temporal dev server: use, crash, restart, fairness, web UI."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.common import Priority
from temporalio.worker import Worker

from dev_servers.errors import PortInUse, StartFailed
from dev_servers.ports import free_port, is_free
from dev_servers.temporal_server import TemporalServer, temporal_server


@pytest.fixture(scope="module")
async def temporal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TemporalServer]:
    folder = tmp_path_factory.mktemp("temporal")
    async with temporal_server(db_file=folder / "temporal.db") as server:
        yield server


@workflow.defn(sandboxed=False)
class Note:
    """Tells in which order workflows came to run."""

    order: list[str] = []  # noqa: RUF012  shared on purpose

    @workflow.run
    async def run(self, who: str) -> None:
        self.order.append(who)


async def test_a_started_server_runs_workflows(temporal: TemporalServer) -> None:
    client = await Client.connect(temporal.address)
    async with Worker(client, task_queue="runs", workflows=[Note]):
        await client.execute_workflow(Note.run, "x", id="runs", task_queue="runs")


async def test_a_started_workflow_is_there_after_a_crash_on_the_same_address(
    temporal: TemporalServer,
) -> None:
    client = await Client.connect(temporal.address)
    handle = await client.start_workflow(Note.run, "x", id="kept", task_queue="nobody")

    await temporal.kill()
    assert is_free(temporal.port)
    await temporal.start()

    assert (await handle.describe()).run_id == handle.first_execution_run_id


async def test_it_starts_again_after_a_stop(temporal: TemporalServer) -> None:
    await temporal.stop()
    assert not temporal.running

    await temporal.start()

    client = await Client.connect(temporal.address)
    assert await client.service_client.check_health()


async def test_a_small_tenants_task_passes_a_big_tenants_backlog(temporal: TemporalServer) -> None:
    client = await Client.connect(temporal.address)
    Note.order.clear()
    started = [
        await client.start_workflow(
            Note.run,
            tenant,
            id=f"fair-{number}",
            task_queue="fair",
            priority=Priority(fairness_key=tenant),
        )
        for number, tenant in enumerate(["big"] * 20 + ["small"])
    ]

    async with Worker(
        client,
        task_queue="fair",
        workflows=[Note],
        max_concurrent_workflow_tasks=2,
    ):
        await asyncio.gather(*(handle.result() for handle in started))

    assert Note.order.index("small") < 5


async def test_the_web_ui_is_served_where_asked() -> None:
    async with (
        temporal_server(ui_port=free_port()) as server,
        aiohttp.ClientSession() as session,
        session.get(str(server.ui_url)) as page,
    ):
        assert page.status == 200
        assert page.content_type == "text/html"


async def test_a_namespace_of_ones_own_is_made() -> None:
    async with temporal_server(namespace="acme") as server:
        client = await Client.connect(server.address, namespace=server.namespace)
        await client.start_workflow(Note.run, "x", id="x", task_queue="x")


async def test_a_failed_start_gives_the_reason_and_the_log(tmp_path: Path) -> None:
    log = tmp_path / "temporal.log"

    with pytest.raises(StartFailed, match=f"Temporal dev server ended .*{log}"):
        async with temporal_server(db_file=tmp_path, log=log):
            pass


async def test_a_port_in_use_is_refused(temporal: TemporalServer) -> None:
    with pytest.raises(PortInUse, match="Temporal dev server wants it"):
        async with temporal_server(port=temporal.port):
            pass
    with pytest.raises(PortInUse, match="Temporal web UI wants it"):
        async with temporal_server(ui_port=temporal.port):
            pass
