"""A limit on the activities that one tenant has in flight, with real leases and a real server."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.client import Client, WorkflowHandle

from dev_servers.mail_sink import MailSink
from dev_servers.temporal_server import TemporalServer
from temporal_common.connection import Connection
from temporal_common.queues import QueueLayout
from temporal_common.routing import Router
from temporal_common.testing import RunningService, ServiceProcess, running_service, service_process
from temporal_common.tuning import Tuning
from temporal_common.worker import Workload
from tenant_catalog.contracts.cleanup import CleanUpTokens
from tests.support.holding import held_table, until
from tests.support.postgres import database_settings
from tests.support.probe.limited import LEASE_TIME, load_spec
from tests.support.probe.worker import PROBE, settings_of
from tests.support.probe.workflows import Plan, Probe
from tests.support.rendezvous import Rendezvous
from tests.support.starts import Fleet, clean_up, provision

Handle = WorkflowHandle[Probe, list[str]]


async def start(client: Client, prefix: str, tenant: str, plan: Plan) -> Handle:
    route = Router(QueueLayout(prefix)).tenant(tenant)
    return await client.start_workflow(Probe.run, plan, id=uuid4().hex, **route.options())


async def refused(workflow: Handle, *, activities: int, times: int) -> None:
    """Waits until so many of its activities have been handed back so often."""

    async def so_often() -> bool:
        pending = (await workflow.describe()).raw_description.pending_activities
        return sum(activity.attempt > times for activity in pending) >= activities

    await until(so_often)


@asynccontextmanager
async def limited(
    connection: Connection, prefix: str, url: str, *, limit: int
) -> AsyncIterator[RunningService]:
    """One process of the probe, in this one."""
    tuning = Tuning(max_concurrent_activities=20, max_concurrent_activities_per_tenant=limit)
    workload = Workload(load_spec(), tuning, database_settings(url, lock_timeout=0.1))
    async with running_service(
        [workload], connection=connection, layout=QueueLayout(prefix)
    ) as service:
        yield service


async def test_three_processes_keep_the_limit_also_when_one_of_them_is_killed(
    temporal: TemporalServer,
    temporal_client: Client,
    queue_prefix: str,
    database_url: str,
    held: Rendezvous,
    tmp_path: Path,
) -> None:
    limit, works = 2, 6
    settings = settings_of(
        temporal.address,
        queue_prefix,
        DATABASE_URL=database_url,
        WORKER_MAX_CONCURRENT_ACTIVITIES_PER_TENANT=str(limit),
        **{LEASE_TIME: "1"},
    )
    async with AsyncExitStack() as stack:
        processes: dict[int, ServiceProcess] = {}
        for number in range(3):
            service = await stack.enter_async_context(
                service_process(
                    "tests.support.probe.limited", settings, log=tmp_path / f"log{number}"
                )
            )
            processes[service.pid] = service

        # The attempt of the one that is killed is lost, and no other may be.
        plan = Plan("hold", held.address, times=works, heartbeat_timeout=1, maximum_attempts=2)
        acme = await start(temporal_client, queue_prefix, "acme", plan)
        in_flight = [await held.arrival() for _ in range(limit)]
        await refused(acme, activities=works - limit, times=2)
        assert held.waiting == 0, "no more than the limit, although each has asked twice"

        globex = await start(temporal_client, queue_prefix, "globex", Plan("hold", held.address))
        (await held.arrival()).release()
        assert await globex.result() == ["done"], "another tenant is not held up"

        killed = in_flight[0].pid
        await processes[killed].kill()
        in_flight = [activity for activity in in_flight if activity.pid != killed]
        done = 0
        while done < works:
            while len(in_flight) < min(limit, works - done):
                arrival = await held.arrival()
                assert arrival.pid != killed
                in_flight.append(arrival)
            assert held.waiting == 0
            in_flight.pop(0).release()
            done += 1
        assert await acme.result() == ["done"] * works


async def test_an_activity_with_one_attempt_waits_for_its_turn(
    temporal_client: Client,
    temporal_connection: Connection,
    queue_prefix: str,
    database_url: str,
    held: Rendezvous,
) -> None:
    async with limited(temporal_connection, queue_prefix, database_url, limit=1) as service:
        plan = Plan("hold", held.address, times=2, maximum_attempts=1, retry_interval=300)
        workflow = await start(temporal_client, queue_prefix, "acme", plan)
        first = await held.arrival()
        await refused(workflow, activities=1, times=3)
        described = (await service.health.get("/health")).json
        metrics = (await service.health.get("/metrics")).text
        waiting = held.waiting
        first.release("first")
        second = await held.arrival()
        second.release("second")

        assert sorted(await workflow.result()) == ["first", "second"]
    assert waiting == 0
    assert (first.attempt, second.attempt > 3) == (1, True)
    assert described["tenant_limits"] == [{"workload": "probe", "limit": 1, "leases": 1}]
    assert described["running_activities"] == 1
    assert 'activity_at_tenant_limit{activity_type="hold"' in metrics


async def test_while_postgres_is_away_nothing_begins_and_no_attempt_is_lost(
    temporal_client: Client,
    temporal_connection: Connection,
    queue_prefix: str,
    database_url: str,
    held: Rendezvous,
) -> None:
    async with limited(temporal_connection, queue_prefix, database_url, limit=1):
        async with held_table(database_url, "catalog", "tenant_leases"):
            plan = Plan("hold", held.address, maximum_attempts=1, retry_interval=300)
            workflow = await start(temporal_client, queue_prefix, "acme", plan)
            await refused(workflow, activities=1, times=2)
            waiting = held.waiting
        (await held.arrival()).release("there again")
        assert await workflow.result() == ["there again"]
    assert waiting == 0


async def test_work_of_no_tenant_has_no_limit(
    temporal: TemporalServer,
    temporal_connection: Connection,
    queue_prefix: str,
    database_url: str,
    held: Rendezvous,
) -> None:
    async with limited(temporal_connection, queue_prefix, database_url, limit=1) as service:
        queue = service.router.tenant("acme").task_queue
        other = await Client.connect(temporal.address)  # not ours, which refuses it
        workflow = await other.start_workflow(
            Probe.run, Plan("hold", held.address, times=3), id=uuid4().hex, task_queue=queue
        )
        for activity in [await held.arrival() for _ in range(3)]:
            activity.release()
        assert await workflow.result() == ["done"] * 3


async def test_without_a_limit_nobody_is_asked(
    temporal_client: Client,
    temporal_connection: Connection,
    queue_prefix: str,
    held: Rendezvous,
) -> None:
    spec = load_spec()
    assert spec.tuning.max_concurrent_activities_per_tenant is None
    nowhere = database_settings("postgresql://postgres@127.0.0.1:1/fleet")
    async with running_service(
        [Workload(spec, PROBE.tuning, nowhere)],
        connection=temporal_connection,
        layout=QueueLayout(queue_prefix),
    ) as service:
        workflow = await start(temporal_client, queue_prefix, "acme", Plan("hold", held.address))
        (await held.arrival()).release()
        assert await workflow.result() == ["done"]
        assert (await service.health.get("/health")).json["tenant_limits"] == []


@pytest.mark.parametrize("workload", ["tenant", "jobs"])
async def test_each_service_can_have_a_limit(
    temporal: TemporalServer,
    temporal_client: Client,
    queue_prefix: str,
    database_url: str,
    sink: MailSink,
    slug: str,
    tmp_path: Path,
    workload: str,
) -> None:
    settings = settings_of(
        temporal.address,
        queue_prefix,
        DATABASE_URL=database_url,
        SMTP_HOST=sink.host,
        SMTP_PORT=str(sink.port),
        WORKER_MAX_CONCURRENT_ACTIVITIES_PER_TENANT="1",
    )
    fleet = Fleet(temporal_client, Router(QueueLayout(queue_prefix)))
    async with service_process(f"worker_{workload}", settings, log=tmp_path / "log") as service:
        if workload == "tenant":
            await (await provision(fleet, slug)).result()
        else:
            await (await clean_up(fleet, CleanUpTokens(), name=slug)).result()
        described = (await service.health.get("/health")).json
    assert described["tenant_limits"] == [{"workload": workload, "limit": 1, "leases": 0}]
