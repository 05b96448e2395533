"""The services as processes: stopped, killed, without a server, with bad settings, traced."""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import pytest_asyncio
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.contrib.pydantic import pydantic_data_converter

from dev_servers.mail_sink import MailSink
from dev_servers.otlp_receiver import OtlpReceiver, otlp_receiver
from dev_servers.postgres import EmbeddedPostgres, embedded_postgres
from dev_servers.temporal_server import TemporalServer
from temporal_common.queues import QueueLayout
from temporal_common.routing import Router
from temporal_common.testing import ServiceProcess, service_process
from tenant_catalog.contracts.cleanup import CleanUpTokens
from tenant_catalog.contracts.tenants import TenantState
from tenant_catalog.database import Database
from tenant_catalog.tenants import TenantCatalog
from tests.support.histories import attempts, identities
from tests.support.holding import held_table
from tests.support.inspecting import members_of, schemas, tables_of
from tests.support.postgres import opened
from tests.support.starts import Fleet, admin_of, clean_up, provision


@pytest.fixture
def fleet(temporal_client: Client, queue_prefix: str) -> Fleet:
    return Fleet(temporal_client, Router(QueueLayout(queue_prefix)))


@pytest.fixture
def settings(
    temporal: TemporalServer, database_url: str, sink: MailSink, queue_prefix: str
) -> dict[str, str]:
    """The environment of a service of this test."""
    return {
        "TEMPORAL_ADDRESS": temporal.address,
        "TEMPORAL_QUEUE_PREFIX": queue_prefix,
        "DATABASE_URL": database_url,
        "DATABASE_LOCK_TIMEOUT": "30",  # longer than a test holds an activity
        "SMTP_HOST": sink.host,
        "SMTP_PORT": str(sink.port),
    }


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "service.log"


@pytest_asyncio.fixture(scope="module")
async def own_postgres() -> AsyncIterator[EmbeddedPostgres]:
    """A server that the tests of this file may stop."""
    async with embedded_postgres() as server:
        yield server


async def assert_whole(database: Database, slug: str) -> None:
    row = await TenantCatalog(database).get(slug)
    assert row.state is TenantState.ACTIVE
    assert await schemas(database) == [row.schema_name]
    assert len(await tables_of(database, row.schema_name)) == 13
    assert await members_of(database, slug) == [(admin_of(slug), "admin", "active")]


async def test_sigterm_lets_the_running_activity_finish_as_its_first_attempt(
    fleet: Fleet,
    settings: Mapping[str, str],
    database: Database,
    database_url: str,
    sink: MailSink,
    slug: str,
    log: Path,
) -> None:
    async with (
        service_process("worker_tenant", settings, log=log) as process,
        held_table(database_url, "catalog", "users") as hold,
    ):
        handle = await provision(fleet, slug)
        await hold.until_waited_for()
        process.send(signal.SIGTERM)
        await process.health.until("/readyz", lambda answer: "draining" in answer.text)
        await hold.release()
        assert await process.wait() == 0
    assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
    assert (await attempts(handle))["create_admin"] == 1

    async with service_process("worker_tenant", settings, log=log):
        await handle.result()
    assert set((await attempts(handle)).values()) == {1}
    await assert_whole(database, slug)
    await sink.wait_for(to=admin_of(slug))


async def test_kill_9_in_the_middle_is_completed_by_the_next_process(
    fleet: Fleet,
    settings: Mapping[str, str],
    database: Database,
    database_url: str,
    sink: MailSink,
    slug: str,
    log: Path,
) -> None:
    async with (
        service_process("worker_tenant", settings, log=log) as process,
        held_table(database_url, "catalog", "users") as hold,
    ):
        handle = await provision(fleet, slug)
        await hold.until_waited_for()
        await process.kill()
        async with service_process("worker_tenant", settings, log=log):
            await hold.release()
            await handle.result()  # after the heartbeat timeout of the attempt that died
    assert (await attempts(handle))["create_admin"] > 1
    await assert_whole(database, slug)
    await sink.wait_for(to=admin_of(slug))


async def test_a_restart_of_postgres_in_the_middle_costs_an_attempt_and_nothing_else(
    fleet: Fleet,
    settings: Mapping[str, str],
    own_postgres: EmbeddedPostgres,
    slug: str,
    log: Path,
) -> None:
    url = await own_postgres.create_database()
    async with (
        service_process("worker_tenant", {**settings, "DATABASE_URL": url}, log=log),
        held_table(url, "catalog", "users") as hold,
    ):
        handle = await provision(fleet, slug)
        await hold.until_waited_for()
        await own_postgres.stop()
        await own_postgres.start()
        await handle.result()
    assert (await attempts(handle))["create_admin"] > 1
    async with opened(url) as database:
        await assert_whole(database, slug)


async def test_a_service_that_starts_before_postgres_says_so_and_becomes_ready_when_it_comes(
    settings: Mapping[str, str], own_postgres: EmbeddedPostgres, log: Path
) -> None:
    url = await own_postgres.create_database()
    await own_postgres.stop()
    given = {**settings, "DATABASE_URL": url, "DATABASE_CONNECT_TIMEOUT": "1"}
    try:
        async with service_process("worker_jobs", given, log=log, ready=False) as process:
            waiting = await process.health.until(
                "/readyz", lambda answer: "Postgres" in answer.text
            )
            assert waiting.status == 503
            assert f"127.0.0.1:{own_postgres.port}" in waiting.text
            assert (await process.health.get("/livez")).status == 200
            await own_postgres.start()
            await process.health.until_ready()
    finally:
        if not own_postgres.running:
            await own_postgres.start()


async def test_each_workload_runs_on_its_own_worker_only(
    fleet: Fleet, settings: Mapping[str, str], slug: str, tmp_path: Path
) -> None:
    async with (
        service_process("worker_tenant", settings, log=tmp_path / "tenant.log") as tenant,
        service_process("worker_jobs", settings, log=tmp_path / "jobs.log") as jobs,
    ):
        provisioning = await provision(fleet, slug)
        await provisioning.result()
        cleaning = await clean_up(fleet, CleanUpTokens(), name=uuid4().hex)
        await cleaning.result()
        assert await identities(provisioning) == {await identity(tenant)}
        assert await identities(cleaning) == {await identity(jobs)}
        assert (await identity(tenant)).startswith("worker-tenant@")
        assert (await identity(jobs)).startswith("worker-jobs@")


async def identity(process: ServiceProcess) -> str:
    return str((await process.health.get("/health")).json["identity"])


async def test_bad_settings_end_the_process_with_a_line_for_each(log: Path) -> None:
    bad = {
        "SMTP_PORT": "abc",
        "DATABASE_URL": "mysql://jo:hunter2@db.test/fleet",
        "TEMPORAL_QUEUE_SHARDS": "0",
    }
    async with service_process("worker_tenant", bad, log=log, ready=False) as process:
        assert await process.wait() == 2
    lines = process.output().splitlines()
    assert len(lines) == len(bad)
    for key in bad:
        assert sum(line.startswith(f"worker-tenant: {key}=") for line in lines) == 1
    assert "hunter2" not in process.output()


@asynccontextmanager
async def traced_client(temporal: TemporalServer, receiver: OtlpReceiver) -> AsyncIterator[Client]:
    """A client with a tracer of its own, as any program in front of the fleet may have one."""
    provider = TracerProvider(resource=Resource({"service.name": "client"}))
    exporter = OTLPSpanExporter(f"{receiver.endpoint}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    yield await Client.connect(
        temporal.address,
        data_converter=pydantic_data_converter,
        interceptors=[TracingInterceptor(provider.get_tracer("client"))],
    )
    # In a thread: the receiver answers on this one.
    await asyncio.to_thread(provider.shutdown)


async def test_the_trace_of_a_provisioning_is_one_tree_from_the_client_to_the_sql(
    temporal: TemporalServer,
    fleet: Fleet,
    settings: Mapping[str, str],
    slug: str,
    log: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with otlp_receiver() as receiver:
        exporting = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
        async with (
            service_process("worker_tenant", {**settings, **exporting}, log=log) as process,
            traced_client(temporal, receiver) as client,
        ):
            await (await provision(replace(fleet, client=client), slug)).result()
            assert await process.terminate() == 0  # which flushes

    [trace_id] = {span.trace_id for span in receiver.spans}
    with capsys.disabled():
        print(f"\n{receiver.tree(trace_id)}")  # noqa: T201
    [root] = receiver.roots(trace_id)
    assert (root.name, root.service) == ("StartWorkflow:TenantProvisioningWorkflow", "client")

    spans = {span.span_id: span for span in receiver.spans}
    assert "RunWorkflow:TenantProvisioningWorkflow" in {span.name for span in spans.values()}
    activities = {
        span.name.removeprefix("RunActivity:")
        for span in spans.values()
        if span.name.startswith("RunActivity:")
    }
    statements = [span for span in spans.values() if "db.system.name" in span.attributes]
    parents = {spans[span.parent_id].name for span in statements if span.parent_id}
    assert parents == {f"RunActivity:{activity}" for activity in activities}
    assert {"reserve_tenant", "apply_migration", "activate_tenant", "send_mail"} <= activities

    url = urlsplit(settings["DATABASE_URL"])
    for span in statements:
        assert span.service == "worker-tenant"
        assert span.attributes["db.system.name"] == "postgresql"
        assert span.attributes["db.namespace"] == url.path.removeprefix("/")
        assert (span.attributes["server.address"], span.attributes["server.port"]) == (
            (url.hostname, url.port)
        )
    names = [span.name for span in statements]
    for name in ("BEGIN", "INSERT catalog.tenants", "CREATE", "INSERT catalog.users", "COMMIT"):
        assert name in names
    # What is sent in a statement stays out of its span.
    assert admin_of(slug) not in repr(receiver.spans)
