"""Ours: tenants provisioned one after another by the real workflow on a real Temporal server.

Straight: the very statements that Postgres logged for such a run, in the same transactions, through
one psql. Both on fresh databases of one durable Postgres (fsync on), interleaved in each round.
"""

import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import temporalio.client
import temporalio.worker
from pydantic import SecretStr
from temporalio import activity
from temporalio.client import Client

from benchmarks.frame.benchmark import Benchmark, Measured, Run
from benchmarks.frame.figures import milliseconds, ratio
from benchmarks.measures.statements import LOGGING, logged_script
from dev_servers.mail_sink import MailSink, mail_sink
from dev_servers.postgres import EmbeddedPostgres, embedded_postgres
from dev_servers.programs import postgres_program
from dev_servers.temporal_server import TemporalServer
from temporal_common.client import connect
from temporal_common.connection import Connection
from temporal_common.interceptors import RunningActivities
from temporal_common.queues import TENANT, QueueLayout
from temporal_common.routing import Router
from temporal_common.worker import Startup, create_worker
from tenant_catalog.contracts.tenants import (
    PROVISIONING_WORKFLOW,
    ProvisionTenant,
    provisioning_id,
)
from tenant_catalog.settings import DatabaseSettings
from worker_tenant.settings import MailSettings, TenantSettings
from worker_tenant.worker import WORKER, activities

TENANTS: Final = 20
_MAIL_ACTIVITY: Final = "send_mail"
_TENANT_LOCK: Final = "'tenant/"  # every transaction of a tenant takes it, and no other one


@dataclass
class Cost:
    """Seconds for one tenant, in the mean of a round."""

    whole: float
    in_activities: float
    """Of these in the activities, but for the sending of the mail: our side of the SQL."""


@dataclass(frozen=True)
class Servers:
    temporal: TemporalServer
    mail: MailSink


async def measure(run: Run) -> Measured:
    """Ratios and milliseconds for one tenant of 12 tables."""
    async with run.server() as temporal, _mail_sink() as mail:
        servers = Servers(temporal, mail)
        run.say("capturing the statements")
        script = await _capture(servers)
        ours, straight = [], []
        with _folder() as folder:
            async with embedded_postgres(folder / "data") as postgres:
                for number in range(1, run.rounds + 1):
                    run.step(number, f"{TENANTS} tenants, then their SQL through psql")
                    ours.append(await _provision(servers, await _catalogue(servers, postgres)))
                    straight.append(_psql(await _catalogue(servers, postgres), script))
    in_activities = [cost.in_activities for cost in ours]
    return Measured(
        [
            ratio(
                "SQL inside our activities ÷ the same SQL through psql",
                in_activities,
                straight,
                at_most=1.5,
            ),
            milliseconds("the same SQL through psql", straight),
            milliseconds("inside our activities", in_activities),
            milliseconds(
                "Temporal's round trips and the mail",
                [cost.whole - cost.in_activities for cost in ours],
            ),
            milliseconds("one tenant, start to end", [cost.whole for cost in ours]),
        ]
    )


@asynccontextmanager
async def _mail_sink() -> AsyncIterator[MailSink]:
    with tempfile.TemporaryDirectory() as folder:
        async with mail_sink(Path(folder), on_mail=lambda _mail, _file: None) as sink:
            yield sink


async def _capture(servers: Servers) -> str:
    """The statements of `TENANTS` provisionings, on a throw-away server that logs them."""
    with _folder() as folder:
        async with embedded_postgres(folder / "data", settings=LOGGING) as postgres:
            url = await _catalogue(servers, postgres)
            await _provision(servers, url)
        return logged_script(folder / "data", url.rsplit("/", 1)[1], containing=_TENANT_LOCK)


@contextmanager
def _folder() -> Iterator[Path]:
    """One that the user of Postgres can pass through, who is another one when we are root."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


async def _catalogue(servers: Servers, postgres: EmbeddedPostgres) -> str:
    """A fresh database with an empty catalogue."""
    url = await postgres.create_database(f"bench_{uuid4().hex}")
    async with _activities(servers, url):
        return url


def _activities(servers: Servers, url: str) -> Any:
    """The real activities on a database; opening them migrates its catalogue."""
    settings = TenantSettings(
        database=DatabaseSettings(url=SecretStr(url)),
        mail=MailSettings(host=servers.mail.host, port=servers.mail.port),
    )
    return activities(Startup(settings, WORKER.tuning, waiting=lambda _reason: None))


async def _provision(servers: Servers, url: str) -> Cost:
    """Provisions `TENANTS` tenants one after another through a Worker as the service makes it."""
    clock = _ActivityClock()
    client = await _client(servers.temporal, clock)
    layout = QueueLayout(prefix=f"bench-{uuid4().hex[:8]}")
    async with _activities(servers, url) as registered:
        worker = create_worker(
            client,
            WORKER,
            WORKER.tuning,
            queue=layout.task_queue(TENANT),
            activities=registered,
            running=RunningActivities(WORKER.tuning.max_concurrent_activities),
        )
        async with worker:
            started = time.perf_counter()
            for number in range(TENANTS):
                await client.execute_workflow(
                    PROVISIONING_WORKFLOW,
                    ProvisionTenant(f"tenant-{number}", f"admin@tenant-{number}.test"),
                    id=f"{layout.prefix}/{provisioning_id(f'tenant-{number}')}",
                    **Router(layout).tenant(f"tenant-{number}").options(),
                )
            whole = time.perf_counter() - started
    return Cost(whole / TENANTS, clock.seconds / TENANTS)


async def _client(server: TemporalServer, clock: "_ActivityClock") -> Client:
    options = {"target_host": server.address, "namespace": server.namespace}
    client = await connect(Connection(server.address, server.namespace, options))  # type: ignore[arg-type]
    config = client.config()
    config["interceptors"] = [*config["interceptors"], clock]
    return Client(**config)


class _ActivityClock(temporalio.client.Interceptor, temporalio.worker.Interceptor):
    """Sums up the time inside all activities but the sending of mails."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def intercept_activity(
        self, next: temporalio.worker.ActivityInboundInterceptor
    ) -> temporalio.worker.ActivityInboundInterceptor:
        return _Timed(next, self)


class _Timed(temporalio.worker.ActivityInboundInterceptor):
    def __init__(
        self, next: temporalio.worker.ActivityInboundInterceptor, clock: _ActivityClock
    ) -> None:
        super().__init__(next)
        self._clock = clock

    async def execute_activity(self, input: temporalio.worker.ExecuteActivityInput) -> Any:
        started = time.perf_counter()
        try:
            return await super().execute_activity(input)
        finally:
            if activity.info().activity_type != _MAIL_ACTIVITY:
                self._clock.seconds += time.perf_counter() - started


def _psql(url: str, script: str) -> float:
    """Seconds for one tenant of the script, run by one psql; its own start is part of it."""
    started = time.perf_counter()
    subprocess.run(
        [postgres_program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", url],
        input=script.encode(),
        check=True,
    )
    return (time.perf_counter() - started) / TENANTS


BENCHMARK: Final = Benchmark(
    name="provisioning",
    claim="The activities of a provisioning cost little over their SQL.",
    how=__doc__,
    measure=measure,
    rounds=5,
)
