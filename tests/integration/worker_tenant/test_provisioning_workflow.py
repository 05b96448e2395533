"""TenantProvisioningWorkflow on real servers: all of a tenant, or nothing of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError

from dev_servers.mail_sink import MailSink
from dev_servers.temporal_server import TemporalServer
from temporal_common.queues import QueueLayout
from temporal_common.testing import RunningService, connection_to, fresh_prefix, running_service
from tenant_catalog.contracts.steps import Progress, StepState
from tenant_catalog.contracts.tenants import PROGRESS_QUERY, TenantState
from tenant_catalog.database import Database
from tenant_catalog.migrations.files import Migration, tenant_migrations
from tenant_catalog.tenants import TenantCatalog
from tests.support.histories import scheduled_activities, until_cancel_requested
from tests.support.holding import held_table, table_in_use
from tests.support.inspecting import members_of, rows, schemas, tables_of
from tests.support.starts import admin_of, provision
from tests.support.tenants import active
from tests.support.workloads import tenant_workload

STEPS = ["reserve", "schema", "migrations", "admin", "defaults", "activate", "welcome mail"]


async def progress(handle: WorkflowHandle[Any, Any]) -> dict[str, StepState]:
    answer = await handle.query(PROGRESS_QUERY, result_type=Progress)
    return {step.name: step.state for step in answer.steps}


async def failure_of(handle: WorkflowHandle[Any, Any]) -> ApplicationError:
    """The activity's error that the workflow failed with."""
    with pytest.raises(WorkflowFailureError) as failed:
        await handle.result()
    assert isinstance(failed.value.cause, ActivityError)
    assert isinstance(failed.value.cause.cause, ApplicationError)
    return failed.value.cause.cause


async def assert_nothing_is_left(database: Database) -> None:
    assert await schemas(database) == []
    assert await rows(database, "SELECT email FROM catalog.users") == []
    assert await rows(database, "SELECT recipient FROM catalog.mails") == []
    assert await rows(database, "SELECT FROM catalog.memberships") == []


@pytest.fixture
def broken_migration(monkeypatch: pytest.MonkeyPatch) -> None:
    """A release whose last migration fails, after it has waited for catalog.invites."""
    broken = Migration(
        len(tenant_migrations()) + 1,
        f"{len(tenant_migrations()) + 1:04d}_broken",
        "LOCK TABLE catalog.invites; CREATE TABLE half_made (id int); SELECT 1 / 0",
    )
    monkeypatch.setattr(
        "tenant_catalog.provisioning.tenant_migrations", lambda: (*tenant_migrations(), broken)
    )


# The way forward


async def test_a_tenant_is_provisioned_with_schema_admin_and_welcome_mail(
    tenant_service: RunningService, database: Database, sink: MailSink, slug: str
) -> None:
    handle = await provision(tenant_service, slug)
    provisioned = await handle.result()

    row = await TenantCatalog(database).get(slug)
    assert row.state is TenantState.ACTIVE
    assert row.ref == provisioned.tenant
    assert await schemas(database) == [row.schema_name]
    assert len(await tables_of(database, row.schema_name) - {"schema_version"}) == 12
    assert await members_of(database, slug) == [(admin_of(slug), "admin", "active")]
    assert provisioned.welcome_mail == "sent"
    assert (await sink.wait_for(to=admin_of(slug)))["Subject"] == "Acme is ready"
    assert await progress(handle) == dict.fromkeys(STEPS, StepState.DONE)


async def test_a_client_sees_how_far_a_provisioning_is(
    tenant_service: RunningService, database_url: str, slug: str
) -> None:
    async with held_table(database_url, "catalog", "users") as hold:
        handle = await provision(tenant_service, slug)
        await hold.until_waited_for()
        seen = await progress(handle)
    assert list(seen) == STEPS
    assert list(seen.values()) == [StepState.DONE] * 3 + [StepState.RUNNING] + (
        [StepState.PENDING] * 3
    )
    await handle.result()


async def test_all_activities_of_a_run_are_on_the_shard_and_the_fairness_key_of_its_tenant(
    temporal: TemporalServer, database_url: str, sink: MailSink
) -> None:
    async with running_service(
        [tenant_workload(database_url, sink)],
        connection=connection_to(temporal.address),
        layout=QueueLayout(fresh_prefix(), shards=3),
    ) as service:
        slugs = [f"acme-{uuid4().hex[:8]}" for _ in range(12)]
        shards = {service.router.tenant(slug).task_queue: slug for slug in slugs}
        assert len(shards) > 1
        for task_queue, slug in shards.items():
            handle = await provision(service, slug)
            await handle.result()
            activities = await scheduled_activities(handle)
            assert len(activities) > len(STEPS)
            assert {activity.task_queue.name for activity in activities} == {task_queue}
            assert {activity.priority.fairness_key for activity in activities} == {slug}


# What fails for good is taken back


async def test_a_refused_admin_address_takes_all_back_and_the_slug_can_be_provisioned_again(
    tenant_service: RunningService, database: Database, slug: str
) -> None:
    handle = await provision(tenant_service, slug, admin_email="not an address")
    assert (await failure_of(handle)).type == "InvalidName"

    failed = await TenantCatalog(database).get(slug)
    assert failed.state is TenantState.FAILED
    assert failed.failure is not None
    assert "not an address" in failed.failure
    await assert_nothing_is_left(database)
    assert list((await progress(handle)).values()) == (
        [StepState.UNDONE] * 3 + [StepState.FAILED] + [StepState.PENDING] * 3
    )

    again = await (await provision(tenant_service, slug)).result()
    assert again.tenant.tenant_id == failed.tenant_id
    assert (await TenantCatalog(database).get(slug)).state is TenantState.ACTIVE


@pytest.mark.usefixtures("broken_migration")
async def test_a_migration_that_fails_takes_back_those_before_it(
    tenant_service: RunningService, database: Database, slug: str
) -> None:
    failure = await failure_of(await provision(tenant_service, slug))
    assert failure.type == "DatabaseRefused"

    failed = await TenantCatalog(database).get(slug)
    assert failed.state is TenantState.FAILED
    assert failed.failure is not None
    assert "division by zero" in failed.failure
    await assert_nothing_is_left(database)


async def test_a_role_that_may_not_create_schemas_fails_the_tenant_with_the_reason(
    temporal: TemporalServer, database: Database, database_url: str, sink: MailSink, slug: str
) -> None:
    async with (
        role_without_create(database, database_url) as restricted_url,
        running_service(
            [tenant_workload(restricted_url, sink)], connection=connection_to(temporal.address)
        ) as service,
    ):
        failure = await failure_of(await provision(service, slug))
    assert failure.type == "DatabaseRefused"
    assert "permission denied" in failure.message
    failed = await TenantCatalog(database).get(slug)
    assert failed.state is TenantState.FAILED
    assert failed.failure == failure.message
    await assert_nothing_is_left(database)


@asynccontextmanager
async def role_without_create(database: Database, url: str) -> AsyncIterator[str]:
    """URL of a role that works with the catalogue and owns nothing."""
    role = f"restricted_{uuid4().hex[:8]}"
    identifier = sql.Identifier(role)
    async with database.transaction() as connection:
        for statement in (
            "CREATE ROLE {} LOGIN",
            "GRANT USAGE ON SCHEMA catalog TO {}",
            "GRANT ALL ON ALL TABLES IN SCHEMA catalog TO {}",
            "GRANT ALL ON ALL SEQUENCES IN SCHEMA catalog TO {}",
        ):
            await connection.execute(sql.SQL(statement).format(identifier))
    yield url.replace(f"{conninfo_to_dict(url)['user']}@", f"{role}@")
    async with database.transaction() as connection:
        for statement in ("DROP OWNED BY {}", "DROP ROLE {}"):
            await connection.execute(sql.SQL(statement).format(identifier))


async def test_a_slug_that_is_taken_is_refused_and_its_tenant_untouched(
    tenant_service: RunningService, database: Database, slug: str
) -> None:
    await active(TenantCatalog(database), slug)
    before = await TenantCatalog(database).get(slug)
    failure = await failure_of(await provision(tenant_service, slug))
    assert failure.type == "TenantExists"
    assert await TenantCatalog(database).get(slug) == before
    assert await schemas(database) == [before.schema_name]


# Cancellation and termination


async def test_a_cancellation_in_the_middle_takes_back_what_was_made(
    tenant_service: RunningService, database: Database, database_url: str, slug: str
) -> None:
    async with held_table(database_url, "catalog", "users") as hold:
        handle = await provision(tenant_service, slug)
        await hold.until_waited_for()
        await handle.cancel()
        await until_cancel_requested(handle)
        await hold.release()  # the admin may still be made: late, and to be taken back as well
        with pytest.raises(WorkflowFailureError) as cancelled:
            await handle.result()
    assert isinstance(cancelled.value.cause, CancelledError | ActivityError)
    assert (await handle.describe()).status is WorkflowExecutionStatus.CANCELED
    row = await TenantCatalog(database).get(slug)
    assert (row.state, row.failure) == (TenantState.FAILED, "cancelled")
    await assert_nothing_is_left(database)


@pytest.mark.usefixtures("broken_migration")
async def test_a_cancellation_does_not_interrupt_the_taking_back(
    tenant_service: RunningService, database: Database, database_url: str, slug: str
) -> None:
    async with held_table(database_url, "catalog", "invites") as migrating:
        handle = await provision(tenant_service, slug)
        await migrating.until_waited_for()
        [schema] = await schemas(database)
        async with table_in_use(database_url, schema, "projects") as dropping:
            await migrating.release()
            await dropping.until_waited_for()
            await handle.cancel()
            await until_cancel_requested(handle)
            await dropping.release()
            failure = await failure_of(handle)
    assert "division by zero" in failure.message
    assert (await TenantCatalog(database).get(slug)).state is TenantState.FAILED
    await assert_nothing_is_left(database)


async def test_a_cancellation_that_comes_during_the_activation_is_too_late(
    tenant_service: RunningService, database: Database, database_url: str, sink: MailSink, slug: str
) -> None:
    async with held_table(database_url, "catalog", "mails") as hold:
        handle = await provision(tenant_service, slug)
        await hold.until_waited_for()
        await handle.cancel()
        await until_cancel_requested(handle)
        await hold.release()
        provisioned = await handle.result()
    assert provisioned.welcome_mail == "sent"
    assert (await TenantCatalog(database).get(slug)).ref == provisioned.tenant
    await sink.wait_for(to=admin_of(slug))


async def test_a_terminated_provisioning_is_taken_over_by_the_next_one(
    tenant_service: RunningService, database: Database, database_url: str, slug: str
) -> None:
    async with held_table(database_url, "catalog", "users") as hold:
        terminated = await provision(tenant_service, slug)
        await hold.until_waited_for()
        await terminated.terminate()
        again = await provision(tenant_service, slug)
        # Its admin is still under way when the next run begins; both meet in Postgres.
        await hold.release()
        provisioned = await again.result()
    row = await TenantCatalog(database).get(slug)
    assert row.ref == provisioned.tenant
    assert row.state is TenantState.ACTIVE
    assert await schemas(database) == [row.schema_name]
    assert await members_of(database, slug) == [(admin_of(slug), "admin", "active")]


# The mail server


async def test_a_mail_server_that_refuses_for_good_leaves_the_tenant_active_and_says_so(
    tenant_service: RunningService, database: Database, sink: MailSink, slug: str
) -> None:
    sink.refuse_with(550, "no such mailbox")
    handle = await provision(tenant_service, slug)
    provisioned = await handle.result()
    assert "answered 550: no such mailbox" in provisioned.welcome_mail
    assert (await TenantCatalog(database).get(slug)).state is TenantState.ACTIVE
    assert (await progress(handle))["welcome mail"] is StepState.FAILED


async def test_a_mail_server_that_asks_to_try_later_gets_the_mail_later(
    tenant_service: RunningService, database: Database, sink: MailSink, slug: str
) -> None:
    sink.refuse_with(451, "try again later")
    handle = await provision(tenant_service, slug)
    assert (await handle.result()).welcome_mail == "sent"
    await sink.wait_for(to=admin_of(slug))
