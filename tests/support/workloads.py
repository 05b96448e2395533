"""The workloads of both services with a test's settings, and fixtures that run them for a file."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from dev_servers.mail_sink import MailSink, mail_sink
from dev_servers.temporal_server import TemporalServer
from temporal_common.testing import RunningService, connection_to, running_service
from temporal_common.tuning import Tuning
from temporal_common.worker import Workload
from tests.support.postgres import database_settings
from worker_jobs.settings import JobsSettings, TokenCleanupSettings
from worker_jobs.worker import WORKER as JOBS
from worker_tenant.settings import MailSettings, TenantSettings
from worker_tenant.worker import WORKER as TENANT

SPECS = (TENANT, JOBS)


def tenant_workload(
    database_url: str, sink: MailSink, *, tuning: Tuning = TENANT.tuning
) -> Workload:
    mail = MailSettings(host=sink.host, port=sink.port, sender="Fleet <no-reply@fleet.test>")
    # Longer than a test holds an activity: it waits, and is not put off to a second attempt.
    database = database_settings(database_url, lock_timeout=30)
    return Workload(TENANT, tuning, TenantSettings(database, mail))


def jobs_workload(database_url: str) -> Workload:
    # Once a year: no test wants a clean-up that it has not started itself.
    cleanup = TokenCleanupSettings(cron="0 0 1 1 *")
    return Workload(JOBS, JOBS.tuning, JobsSettings(database_settings(database_url), cleanup))


@pytest.fixture
def slug() -> str:
    """Of this test alone: a workflow's id is made from it, and the server knows all of them."""
    return f"acme-{uuid4().hex[:8]}"


@pytest_asyncio.fixture(scope="session")
async def sink(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MailSink]:
    folder: Path = tmp_path_factory.mktemp("mails")
    async with mail_sink(folder) as listening:
        yield listening


@pytest_asyncio.fixture(scope="module")
async def tenant_service(
    temporal: TemporalServer, _catalog_url: str, sink: MailSink
) -> AsyncIterator[RunningService]:
    """worker-tenant, polling queues of its own, on the database of the fixture `database`."""
    async with running_service(
        [tenant_workload(_catalog_url, sink)],
        connection=connection_to(temporal.address),
        service=TENANT.service,
    ) as service:
        yield service


@pytest_asyncio.fixture(scope="module")
async def jobs_service(
    temporal: TemporalServer, _catalog_url: str
) -> AsyncIterator[RunningService]:
    """worker-jobs, polling queues of its own, on the database of the fixture `database`."""
    async with running_service(
        [jobs_workload(_catalog_url)],
        connection=connection_to(temporal.address),
        service=JOBS.service,
    ) as service:
        yield service
