"""The images, started as a cluster starts them, against real servers."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.client import Client

from dev_servers.images import Image, ImageProcess
from dev_servers.mail_sink import MailSink
from dev_servers.ports import HOST, free_port
from temporal_common.queues import QueueLayout
from temporal_common.routing import Router
from temporal_common.testing import HealthClient
from tenant_catalog.contracts.cleanup import CleanUpTokens
from tenant_catalog.contracts.tenants import TenantState
from tenant_catalog.database import Database
from tenant_catalog.tenants import TenantCatalog
from tests.support.inspecting import members_of, tables_of
from tests.support.starts import Fleet, admin_of, clean_up, provision


@asynccontextmanager
async def ready(
    image: Image, settings: Mapping[str, str], log: Path
) -> AsyncIterator[tuple[ImageProcess, HealthClient]]:
    port = free_port()
    health = HealthClient(f"http://{HOST}:{port}")
    async with image.running({**settings, "HEALTH_PORT": str(port)}, log=log) as process:
        try:
            await health.until_ready(within=40)
            yield process, health
        except BaseException as error:
            error.add_note(f"log of the image:\n{process.output()}")
            raise


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "image.log"


@pytest.fixture
def fleet(temporal_client: Client, queue_prefix: str) -> Fleet:
    return Fleet(temporal_client, Router(QueueLayout(queue_prefix)))


async def test_it_runs_as_a_plain_user_on_a_read_only_root_as_process_1(
    image: Image, settings: Mapping[str, str], log: Path
) -> None:
    async with ready(image, settings, log) as (process, _):
        assert set(process.status("Uid") + process.status("Gid")) == {"10001"}
        assert process.status("CapEff") == ["0000000000000000"]
        assert "ro" in process.mount_options("/")
        assert process.status("NSpid")[-1] == "1"
        assert process.status("Name") == ["python"]


async def test_it_answers_the_probes_and_ends_with_0_on_sigterm(
    image: Image, settings: Mapping[str, str], service: str, log: Path
) -> None:
    async with ready(image, settings, log) as (process, health):
        assert (await health.get("/livez")).status == 200
        assert (await health.get("/readyz")).status == 200
        assert "temporal_num_pollers" in (await health.get("/metrics")).text
        assert (await health.get("/health")).json["service"] == service
        assert await process.terminate() == 0


async def test_its_health_names_the_build_id_of_the_image(
    image: Image, settings: Mapping[str, str], log: Path
) -> None:
    build_id = image.text("/app/build-id").strip()
    assert len(build_id) == 12
    async with ready(image, settings, log) as (_, health):
        assert (await health.get("/health")).json["build_id"] == build_id


async def test_its_build_id_is_its_version_where_the_deployment_is_named_alone(
    image: Image, settings: Mapping[str, str], queue_prefix: str, log: Path
) -> None:
    build_id = image.text("/app/build-id").strip()
    versioned = {**settings, "TEMPORAL_DEPLOYMENT_NAME": queue_prefix.replace(".", "-")}
    async with ready(image, versioned, log) as (_, health):
        assert f'build_id="{build_id}"' in (await health.get("/metrics")).text


async def test_the_two_images_have_build_ids_of_their_own(images: Mapping[str, Image]) -> None:
    assert len({image.text("/app/build-id") for image in images.values()}) == len(images)


async def test_without_any_network_it_starts_and_waits_for_its_servers(
    image: Image, log: Path
) -> None:
    async with image.running({}, log=log, network=False) as process:
        await process.until_said("Temporal cannot be reached")
        assert await process.terminate() == 0


async def test_a_tenant_is_provisioned_by_the_image_of_worker_tenant(
    images: Mapping[str, Image],
    settings: Mapping[str, str],
    fleet: Fleet,
    database: Database,
    sink: MailSink,
    slug: str,
    log: Path,
) -> None:
    async with ready(images["worker-tenant"], settings, log):
        await (await provision(fleet, slug)).result()
    row = await TenantCatalog(database).get(slug)
    assert row.state is TenantState.ACTIVE
    assert len(await tables_of(database, row.schema_name)) == 13
    assert await members_of(database, slug) == [(admin_of(slug), "admin", "active")]
    await sink.wait_for(to=admin_of(slug))


async def test_tokens_are_cleaned_up_by_the_image_of_worker_jobs(
    images: Mapping[str, Image], settings: Mapping[str, str], fleet: Fleet, log: Path
) -> None:
    async with ready(images["worker-jobs"], settings, log):
        result = await (await clean_up(fleet, CleanUpTokens(), name=uuid4().hex)).result()
    assert len(result.deleted) == 3
