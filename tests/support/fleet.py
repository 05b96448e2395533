"""A whole fleet of the real services, for commands that are run against it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
import pytest_asyncio

# What the processes run, so that Pants brings it here.
import worker_jobs.__main__  # noqa: F401
import worker_tenant.__main__  # noqa: F401
from dev_servers.mail_sink import MailSink, mail_sink
from dev_servers.otlp_receiver import OtlpReceiver, otlp_receiver
from dev_servers.postgres import EmbeddedPostgres
from dev_servers.temporal_server import TemporalServer
from temporal_common.testing import fresh_prefix, service_process
from tenant_catalog.tenants import TenantCatalog
from tests.support.commands import Finished, fleetctl_in_pipe
from tests.support.postgres import opened


@dataclass(frozen=True)
class Fleet:
    """Temporal, Postgres, a mail sink, worker-tenant and worker-jobs."""

    settings: dict[str, str]
    """Environment of a process that is to work with this fleet."""
    catalog: TenantCatalog
    """For tests that need a tenant to begin with: quicker than its provisioning."""
    mails: MailSink
    traces: OtlpReceiver
    health: tuple[str, ...]
    """/health of each of its workers."""

    async def fleetctl(self, *arguments: str, **settings: str) -> Finished:
        """Runs a command to its end; `settings` are further variables of its environment."""
        return await fleetctl_in_pipe(*arguments, settings={**self.settings, **settings})


@pytest_asyncio.fixture(scope="session")
async def fleet(
    temporal: TemporalServer, postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    async with AsyncExitStack() as stack:
        mails = await stack.enter_async_context(mail_sink(folder / "mails"))
        traces = await stack.enter_async_context(otlp_receiver())
        settings = {
            "TEMPORAL_ADDRESS": temporal.address,
            "TEMPORAL_QUEUE_PREFIX": fresh_prefix(),
            "TEMPORAL_QUEUE_SHARDS": "2",
            "DATABASE_URL": await postgres.create_database(),
            "SMTP_PORT": str(mails.port),
        }
        traced = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": traces.endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "100",  # milliseconds until a span is sent
        }
        services = [
            await stack.enter_async_context(
                service_process(module, {**settings, **traced}, log=folder / f"{module}.log")
            )
            for module in ("worker_tenant", "worker_jobs")
        ]
        database = await stack.enter_async_context(opened(settings["DATABASE_URL"]))
        health = tuple(f"{service.health.url}/health" for service in services)
        yield Fleet(settings, TenantCatalog(database), mails, traces, health)
