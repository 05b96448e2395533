"""When a service says that it is ready, and what it says until then."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client

from dev_servers.ports import free_port
from dev_servers.temporal_server import TemporalServer
from temporal_common import fleet
from temporal_common.connection import Connection
from temporal_common.pollers import PollerAccess, poller_access
from temporal_common.queues import TENANT, QueueLayout
from temporal_common.testing import connection_to, running_service
from temporal_common.worker import Activities, Startup
from tests.support.probe.worker import PROBE
from tests.support.probe.workflows import Plan, Probe
from tests.support.rendezvous import Rendezvous

NEVER = PollerAccess(None, None)


async def test_a_ready_service_is_listed_as_poller_of_each_of_its_queues(
    temporal_client: Client, temporal_connection: Connection, queue_prefix: str
) -> None:
    layout = QueueLayout(queue_prefix, shards=4)

    async with running_service([PROBE], connection=temporal_connection, layout=layout) as service:
        health = (await service.health.get("/health")).json
        listed = [
            (await poller_access(temporal_client, queue.name, health["identity"])).later_than(NEVER)
            for queue in layout.task_queues(TENANT)
        ]

    assert listed == [True] * 4
    assert health["task_queues"] == [
        {
            "name": f"{queue_prefix}.tenant.{shard:02d}",
            "workload": "probe",
            "polled": True,
            "adopted": False,
        }
        for shard in range(4)
    ]


async def test_a_queue_that_only_a_predecessor_polled_does_not_count(
    temporal_client: Client, temporal_connection: Connection, queue_prefix: str
) -> None:
    layout = QueueLayout(queue_prefix)
    queue = layout.task_queue(TENANT).name

    async with running_service([PROBE], connection=temporal_connection, layout=layout) as service:
        identity = (await service.health.get("/health")).json["identity"]
    left = await poller_access(temporal_client, queue, identity)
    later = await poller_access(temporal_client, queue, identity)

    assert left.later_than(NEVER), "the server lists a poller that is gone; else this test is idle"
    assert not later.later_than(left)


class IdleWorker:
    """A Worker that runs and never polls, as one whose polls do not get through."""

    def __init__(self) -> None:
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        await self._stopped.wait()

    async def shutdown(self) -> None:
        self._stopped.set()


async def test_a_service_that_does_not_poll_is_not_ready_though_its_predecessor_is_listed(
    temporal_connection: Connection, queue_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = QueueLayout(queue_prefix)
    async with running_service([PROBE], connection=temporal_connection, layout=layout):
        pass
    answers: asyncio.Queue[PollerAccess] = asyncio.Queue()

    async def watched_poller_access(*arguments: Any) -> PollerAccess:
        answer = await poller_access(*arguments)
        answers.put_nowait(answer)
        return answer

    monkeypatch.setattr(fleet, "create_worker", lambda *_, **__: IdleWorker())
    monkeypatch.setattr(fleet, "poller_access", watched_poller_access)

    async with running_service(
        [PROBE], connection=temporal_connection, layout=layout, ready=False
    ) as service:
        for _ in range(4):  # one before it polls, then one for each look
            answer = await asyncio.wait_for(answers.get(), timeout=10)
            assert answer.later_than(NEVER), "the predecessor is listed"
        ready = await service.health.get("/readyz")

    assert ready.status == 503
    assert ready.json["reason"] == (
        f"waiting for the server to list us as a poller of {layout.task_queue(TENANT).name}"
    )


async def test_a_successor_with_the_same_identity_counts(
    temporal_client: Client, temporal_connection: Connection, queue_prefix: str
) -> None:
    layout = QueueLayout(queue_prefix)
    queue = layout.task_queue(TENANT).name

    async with running_service([PROBE], connection=temporal_connection, layout=layout) as service:
        identity = (await service.health.get("/health")).json["identity"]
    left = await poller_access(temporal_client, queue, identity)
    async with running_service([PROBE], connection=temporal_connection, layout=layout):
        assert (await poller_access(temporal_client, queue, identity)).later_than(left)


async def test_a_service_that_starts_before_its_server_says_so_and_is_ready_when_it_comes(
    tmp_path: Path,
) -> None:
    server = TemporalServer(port=free_port(), log=tmp_path / "temporal.log")
    connection = connection_to(server.address)

    async with running_service([PROBE], connection=connection, ready=False) as service:
        waiting = await service.health.until(
            "/readyz", lambda answer: "cannot be reached" in answer.text
        )
        alive = await service.health.get("/livez")
        try:
            await server.start()
            await service.health.until_ready()
        finally:
            await server.kill()

    assert waiting.status == 503
    assert waiting.json["state"] == "starting"
    assert server.address in waiting.json["reason"]
    assert alive.status == 200


async def test_a_server_that_goes_away_during_the_start_is_waited_for(tmp_path: Path) -> None:
    server = TemporalServer(port=free_port(), log=tmp_path / "temporal.log")
    await server.start()

    @asynccontextmanager
    async def activities(startup: Startup) -> AsyncIterator[Activities]:
        await server.kill()  # connected, and not yet polling
        async with PROBE.activities(startup) as probes:
            yield probes

    spec = replace(PROBE, activities=activities)
    async with running_service(
        [spec], connection=connection_to(server.address), ready=False
    ) as service:
        waiting = await service.health.until(
            "/readyz", lambda answer: "cannot be reached" in answer.text
        )
        try:
            await server.start()
            await service.health.until_ready()
        finally:
            await server.kill()

    assert waiting.status == 503


async def test_a_service_stays_live_and_ready_while_its_server_is_away_and_then_goes_on(
    tmp_path: Path, queue_prefix: str, held: Rendezvous
) -> None:
    server = TemporalServer(
        port=free_port(), log=tmp_path / "temporal.log", db_file=tmp_path / "temporal.db"
    )
    await server.start()
    try:
        async with running_service(
            [PROBE], connection=connection_to(server.address), layout=QueueLayout(queue_prefix)
        ) as service:
            workflow = await service.client.start_workflow(
                Probe.run,
                Plan("hold", held.address),
                id=uuid4().hex,
                **service.router.tenant("acme").options(),
            )
            activity = await held.arrival()
            await server.kill()
            away = [await service.health.get(path) for path in ("/livez", "/readyz")]
            await server.start()
            activity.release("after the outage")
            result = await workflow.result()
    finally:
        await server.kill()

    assert [answer.status for answer in away] == [200, 200]
    assert result == ["after the outage"]


async def test_a_failing_announcement_ends_the_service_and_is_not_swallowed(
    temporal_connection: Connection, queue_prefix: str
) -> None:
    def fail(_task_queues: list[str]) -> None:
        raise ValueError("no one to tell")

    async with running_service(
        [PROBE],
        connection=temporal_connection,
        layout=QueueLayout(queue_prefix),
        on_ready=fail,
        ready=False,
    ) as service:
        assert await service.ended() == 1
