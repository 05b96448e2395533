"""TenantDeletionWorkflow on real servers: softly at first, restorable, then for good."""

from datetime import timedelta
from typing import Any

import pytest
from psycopg import sql
from temporalio.client import WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ActivityError, ApplicationError

from temporal_common.testing import RunningService
from tenant_catalog.contracts.steps import Progress, StepState
from tenant_catalog.contracts.tenants import (
    DELETION_QUERY,
    PROGRESS_QUERY,
    RESTORE_UPDATE,
    DeletionOutcome,
    DeletionStatus,
    TenantState,
)
from tenant_catalog.database import Database
from tenant_catalog.tenants import TenantCatalog
from tests.support.histories import scheduled_activities, until_cancel_requested
from tests.support.holding import held_tenant, table_in_use, until
from tests.support.inspecting import members_of, rows, schemas
from tests.support.starts import admin_of, delete, provision
from tests.support.tenants import active

AT_ONCE = timedelta(milliseconds=100)
LONG = timedelta(days=30)


@pytest.fixture
def catalog(database: Database) -> TenantCatalog:
    return TenantCatalog(database)


async def until_deleting(catalog: TenantCatalog, slug: str) -> None:
    async def deleting() -> bool:
        return (await catalog.get(slug)).state is TenantState.DELETING

    await until(deleting)


async def too_late(handle: WorkflowHandle[Any, Any]) -> ApplicationError:
    """What a restore is refused with."""
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await handle.execute_update(RESTORE_UPDATE)
    assert isinstance(refused.value.cause, ApplicationError)
    return refused.value.cause


# To the end


async def test_after_its_retention_a_tenant_is_gone_but_for_its_tombstone(
    tenant_service: RunningService, database: Database, catalog: TenantCatalog, slug: str
) -> None:
    tenant = await active(catalog, slug)
    await rows(
        database,
        "INSERT INTO catalog.refresh_tokens (tenant_id, user_id, token_digest, expires_at)"
        " SELECT %s, user_id, 'digest', now() FROM catalog.users RETURNING id",
        tenant.tenant_id,
    )
    handle = await delete(tenant_service, slug, retention=timedelta(seconds=1))
    deleted = await handle.result()

    assert deleted.outcome is DeletionOutcome.DELETED
    assert deleted.tables_dropped == 13  # and not 12: schema_version as well
    assert await schemas(database) == []
    for table in ("memberships", "users", "refresh_tokens", "mails"):
        query = sql.SQL("SELECT FROM {}").format(sql.Identifier("catalog", table))
        async with database.transaction() as connection:
            assert (await connection.execute(query)).rowcount == 0, table
    [tombstone] = await catalog.list(TenantState.DELETED)
    assert (tombstone.slug, tombstone.purged_at is not None) == (slug, True)
    progress = await handle.query(PROGRESS_QUERY, result_type=Progress)
    assert {step.state for step in progress.steps} == {StepState.DONE}


async def test_during_its_retention_a_tenant_keeps_everything(
    tenant_service: RunningService, database: Database, catalog: TenantCatalog, slug: str
) -> None:
    tenant = await active(catalog, slug)
    handle = await delete(tenant_service, slug, retention=LONG)
    await until_deleting(catalog, slug)
    status = await handle.query(DELETION_QUERY, result_type=DeletionStatus)
    row = await catalog.get(slug)
    assert status == DeletionStatus(TenantState.DELETING, row.purge_after)
    assert row.purge_after is not None
    assert row.deleted_at is not None
    assert timedelta(days=29) < row.purge_after - row.deleted_at < timedelta(days=31)
    assert await schemas(database) == [tenant.schema_name]
    assert await members_of(database, slug) == [(admin_of(slug), "admin", "active")]
    await handle.terminate()


async def test_the_slug_of_a_deleted_tenant_is_provisioned_anew_with_another_schema(
    tenant_service: RunningService, database: Database, catalog: TenantCatalog, slug: str
) -> None:
    first = await active(catalog, slug)
    await (await delete(tenant_service, slug, retention=AT_ONCE)).result()
    second = (await (await provision(tenant_service, slug)).result()).tenant
    assert second.tenant_id != first.tenant_id
    assert second.schema_name != first.schema_name
    assert await schemas(database) == [second.schema_name]


async def test_many_tables_are_dropped_in_batches(
    tenant_service: RunningService, database: Database, catalog: TenantCatalog, slug: str
) -> None:
    tenant = await active(catalog, slug)
    async with database.transaction() as connection:
        for number in range(120):
            table = sql.Identifier(tenant.schema_name, f"extra_{number}")
            await connection.execute(sql.SQL("CREATE TABLE {} (id int PRIMARY KEY)").format(table))
    handle = await delete(tenant_service, slug, retention=AT_ONCE)
    assert (await handle.result()).tables_dropped == 133
    names = [activity.activity_type.name for activity in await scheduled_activities(handle)]
    assert names.count("drop_tables") == 3  # of 50, 50 and 33
    assert await schemas(database) == []


async def test_a_deletion_that_was_terminated_while_it_purged_is_finished_by_the_next_one(
    tenant_service: RunningService,
    database: Database,
    database_url: str,
    catalog: TenantCatalog,
    slug: str,
) -> None:
    tenant = await active(catalog, slug)
    async with table_in_use(database_url, tenant.schema_name, "projects") as hold:
        terminated = await delete(tenant_service, slug, retention=AT_ONCE)
        await hold.until_waited_for()
        await terminated.terminate()
        again = await delete(tenant_service, slug, retention=LONG)
        await hold.release()
        deleted = await again.result()  # at once: the retention has passed already
    assert deleted.outcome is DeletionOutcome.DELETED
    assert await schemas(database) == []
    assert [row.state for row in await catalog.list(include_deleted=True)] == [TenantState.DELETED]


async def test_an_unknown_tenant_cannot_be_deleted(
    tenant_service: RunningService, database: Database, slug: str
) -> None:
    handle = await delete(tenant_service, slug, retention=AT_ONCE)
    with pytest.raises(WorkflowFailureError) as failed:
        await handle.result()
    assert isinstance(failed.value.cause, ActivityError)
    assert isinstance(failed.value.cause.cause, ApplicationError)
    assert failed.value.cause.cause.type == "TenantNotFound"
    assert await rows(database, "SELECT FROM catalog.tenants") == []


# Back again


async def test_a_restore_during_the_retention_makes_the_tenant_active_again(
    tenant_service: RunningService, database: Database, catalog: TenantCatalog, slug: str
) -> None:
    tenant = await active(catalog, slug)
    handle = await delete(tenant_service, slug, retention=LONG)
    await handle.execute_update(RESTORE_UPDATE)
    row = await catalog.get(slug)
    assert (row.state, row.deleted_at, row.purge_after) == (TenantState.ACTIVE, None, None)
    assert (await handle.result()).outcome is DeletionOutcome.RESTORED
    assert await schemas(database) == [tenant.schema_name]
    assert await members_of(database, slug) == [(admin_of(slug), "admin", "active")]


async def test_a_restore_after_the_retention_is_refused_without_a_trace_in_the_history(
    tenant_service: RunningService, database_url: str, catalog: TenantCatalog, slug: str
) -> None:
    tenant = await active(catalog, slug)
    async with table_in_use(database_url, tenant.schema_name, "projects") as hold:
        handle = await delete(tenant_service, slug, retention=AT_ONCE)
        await hold.until_waited_for()
        before = (await handle.describe()).history_length
        assert (await too_late(handle)).type == "TooLate"
        assert (await handle.describe()).history_length == before
        await hold.release()
        assert (await handle.result()).outcome is DeletionOutcome.DELETED


async def test_a_cancellation_during_the_retention_restores_the_tenant(
    tenant_service: RunningService, catalog: TenantCatalog, slug: str
) -> None:
    await active(catalog, slug)
    handle = await delete(tenant_service, slug, retention=LONG)
    await until_deleting(catalog, slug)
    await handle.cancel()
    assert (await handle.result()).outcome is DeletionOutcome.RESTORED
    assert (await catalog.get(slug)).state is TenantState.ACTIVE


async def test_a_cancellation_during_the_soft_delete_restores_the_tenant(
    tenant_service: RunningService, database_url: str, catalog: TenantCatalog, slug: str
) -> None:
    await active(catalog, slug)
    async with held_tenant(database_url, slug) as hold:
        handle = await delete(tenant_service, slug, retention=LONG)
        await hold.until_waited_for()
        await handle.cancel()
        await until_cancel_requested(handle)
        await hold.release()
        assert (await handle.result()).outcome is DeletionOutcome.RESTORED
    assert (await catalog.get(slug)).state is TenantState.ACTIVE


async def test_a_cancellation_after_the_retention_is_too_late(
    tenant_service: RunningService,
    database: Database,
    database_url: str,
    catalog: TenantCatalog,
    slug: str,
) -> None:
    tenant = await active(catalog, slug)
    async with table_in_use(database_url, tenant.schema_name, "projects") as hold:
        handle = await delete(tenant_service, slug, retention=AT_ONCE)
        await hold.until_waited_for()
        await handle.cancel()
        await until_cancel_requested(handle)
        await hold.release()
        assert (await handle.result()).outcome is DeletionOutcome.DELETED
    assert await schemas(database) == []
