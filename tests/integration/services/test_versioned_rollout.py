"""worker-tenant rolled out from v1 to v2 and back, as real processes, with work open on it."""

from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle

from dev_servers.mail_sink import MailSink
from dev_servers.temporal_server import TemporalServer
from fleetctl.exit_codes import ExitCode
from temporal_common.deployments import VersionStatus
from temporal_common.queues import QueueLayout
from temporal_common.routing import Router
from temporal_common.testing import ServiceProcess, service_process
from tenant_catalog.contracts.tenants import RESTORE_UPDATE, DeletedTenant, DeletionOutcome
from tenant_catalog.database import Database
from tenant_catalog.tenants import TenantCatalog
from tests.support.deploys import Deploy, error
from tests.support.histories import versions
from tests.support.holding import held_table
from tests.support.starts import Fleet, delete, provision
from tests.support.tenants import active
from tests.support.versions import until_forgotten, until_polled, until_status

OK, REFUSED = ExitCode.OK, ExitCode.REFUSED


@pytest.fixture
def fleet(quick_client: Client, queue_prefix: str) -> Fleet:
    return Fleet(quick_client, Router(QueueLayout(queue_prefix)))


class Versions:
    """Processes of worker-tenant, each of a version of this test's deployment."""

    def __init__(self, settings: dict[str, str], folder: Path) -> None:
        self._settings = settings
        self._folder = folder

    def __call__(self, build_id: str) -> AbstractAsyncContextManager[ServiceProcess]:
        return service_process(
            "worker_tenant",
            {**self._settings, "TEMPORAL_WORKER_BUILD_ID": build_id},
            log=self._folder / f"{build_id}.log",
        )


@pytest.fixture
def version(
    quick_temporal: TemporalServer,
    database_url: str,
    sink: MailSink,
    queue_prefix: str,
    deployment_name: str,
    tmp_path: Path,
) -> Versions:
    settings = {
        "TEMPORAL_ADDRESS": quick_temporal.address,
        "TEMPORAL_QUEUE_PREFIX": queue_prefix,
        "TEMPORAL_DEPLOYMENT_NAME": deployment_name,
        "DATABASE_URL": database_url,
        "DATABASE_LOCK_TIMEOUT": "30",  # longer than a test holds an activity
        "SMTP_HOST": sink.host,
        "SMTP_PORT": str(sink.port),
    }
    return Versions(settings, tmp_path)


@pytest_asyncio.fixture
async def doomed(database: Database) -> str:
    """An active tenant, to be deleted."""
    slug = f"gone-{uuid4().hex[:8]}"
    await active(TenantCatalog(database), slug)
    return slug


async def begun_deletion(fleet: Fleet, slug: str) -> WorkflowHandle[Any, DeletedTenant]:
    """One that now waits for thirty days."""
    deletion = await delete(fleet, slug, retention=timedelta(days=30))
    async for event in deletion.fetch_history_events(wait_new_event=True):
        if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED:
            break
    return deletion


def a_slug() -> str:
    return f"acme-{uuid4().hex[:8]}"


async def test_pinned_work_ends_on_v1_the_deletion_moves_and_v1_is_retired_when_it_is_drained(
    deploy: Deploy,
    version: Versions,
    fleet: Fleet,
    doomed: str,
    quick_client: Client,
    database_url: str,
) -> None:
    name = deploy.name
    async with version("v1") as v1:
        await until_polled(quick_client, name, "v1")
        assert (await deploy("promote", "v1")).code == OK
        deletion = await begun_deletion(fleet, doomed)
        async with held_table(database_url, "catalog", "users") as hold:
            old = [await provision(fleet, a_slug()) for _ in range(2)]
            await hold.until_waited_for()

            async with version("v2") as tried:
                await until_polled(quick_client, name, "v2")
                assert await tried.terminate() == 0
            await until_forgotten(quick_client, name, "v2")
            refused = await deploy("promote", "v2")
            assert refused.code == REFUSED
            assert error(refused).startswith(f"no worker of {name}:v2 polls")

            async with version("v2"):
                await until_polled(quick_client, name, "v2")
                assert (await deploy("ramp", "v2", "--percentage", "50")).code == OK
                promoted = await deploy("promote", "v2")
                assert promoted.code == OK
                assert "2 pinned workflows stay on v1" in promoted.out
                new = await provision(fleet, a_slug())

                busy = await deploy("retire", "v1")
                assert busy.code == REFUSED
                assert "2 pinned workflows are open on it" in error(busy)
                await hold.release()
                for provisioning in (*old, new):
                    await provisioning.result()
                assert [await versions(provisioning) for provisioning in old] == [["v1"], ["v1"]]
                assert await versions(new) == ["v2"]

                await deletion.execute_update(RESTORE_UPDATE)
                assert (await deletion.result()).outcome is DeletionOutcome.RESTORED
                assert await versions(deletion) == ["v1", "v2"]

                await until_status(quick_client, name, "v1", VersionStatus.DRAINED)
                polled = await deploy("retire", "v1")
                assert polled.code == REFUSED
                assert "polls for it" in error(polled)
                assert await v1.terminate() == 0
                await until_forgotten(quick_client, name, "v1")
                assert (await deploy("retire", "v1")).code == OK
                assert await deploy.shares() == {"v2": ("current", 100)}


async def test_a_rollback_gives_new_work_to_v1_and_lets_pinned_work_end_on_v2(
    deploy: Deploy,
    version: Versions,
    fleet: Fleet,
    doomed: str,
    quick_client: Client,
    database_url: str,
) -> None:
    name = deploy.name
    async with version("v1"), version("v2"):
        for build_id in ("v1", "v2"):
            await until_polled(quick_client, name, build_id)
            assert (await deploy("promote", build_id)).code == OK
        deletion = await begun_deletion(fleet, doomed)
        async with held_table(database_url, "catalog", "users") as hold:
            bad = await provision(fleet, a_slug())
            await hold.until_waited_for()
            back = await deploy("rollback")
            assert back.code == OK
            assert back.out.startswith(f"{name}: v1 is current again, in place of v2\n")
            assert "1 pinned workflow stays on v2" in back.out
            good = await provision(fleet, a_slug())
            await hold.release()
            for provisioning in (bad, good):
                await provisioning.result()
        assert await versions(bad) == ["v2"]
        assert await versions(good) == ["v1"]

        await deletion.execute_update(RESTORE_UPDATE)
        assert await versions(deletion) == ["v2", "v1"]
