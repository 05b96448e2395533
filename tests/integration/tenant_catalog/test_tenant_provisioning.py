import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest

from tenant_catalog.contracts.tenants import TenantRef, TenantState
from tenant_catalog.database import Database
from tenant_catalog.errors import (
    DatabaseUnavailable,
    IllegalTransition,
    MigrationDrift,
    SchemaNotEmpty,
    StaleGeneration,
    TenantExists,
)
from tenant_catalog.migrations.files import tenant_migrations
from tenant_catalog.names import InvalidName
from tenant_catalog.tenants import TenantCatalog
from tests.support.postgres import contents
from tests.support.tenants import (
    CrashAfterCommit,
    active,
    built,
    deleted,
    reserved,
    without_schema,
)

MIGRATIONS = [migration.name for migration in tenant_migrations()]
ADMIN_ID = UUID(int=7)

STEPS: dict[str, Callable[[TenantCatalog, TenantRef], Awaitable[object]]] = {
    "reserve": lambda catalog, ref: catalog.reserve("acme", "Acme", uuid4(), "run-1"),
    "create_schema": lambda catalog, ref: catalog.create_schema(ref),
    **{
        name: lambda catalog, ref, name=name: catalog.apply_migration(ref, name)  # type: ignore[misc]
        for name in MIGRATIONS
    },
    "create_admin": lambda catalog, ref: catalog.create_admin(ref, "ada@acme.test", ADMIN_ID),
    "apply_defaults": lambda catalog, ref: catalog.apply_defaults(ref),
    "activate": lambda catalog, ref: catalog.activate(ref),
}
"""All of a provisioning by the run `run-1`, in order."""


async def before(catalog: TenantCatalog, step: str) -> TenantRef:
    """A tenant on which all steps before that one are done."""
    ref = await catalog.reserve("acme", "Acme", uuid4(), "run-1")
    for name, run in STEPS.items():
        if name == step:
            break
        await run(catalog, ref)
    return ref


@pytest.mark.parametrize("step", STEPS)
async def test_a_step_that_runs_twice_leaves_the_same_state_and_returns_the_same(
    step: str, catalog: TenantCatalog, database: Database
) -> None:
    ref = await before(catalog, step)
    first = await STEPS[step](catalog, ref)
    state = await contents(database)
    assert await STEPS[step](catalog, ref) == first
    assert await contents(database) == state


@pytest.mark.parametrize("step", STEPS)
async def test_a_step_whose_answer_is_lost_after_its_commit_can_be_run_again(
    step: str, catalog: TenantCatalog, database: Database
) -> None:
    ref = await before(catalog, step)
    with pytest.raises(DatabaseUnavailable):
        await STEPS[step](TenantCatalog(CrashAfterCommit(database), mail_domain="fleet.test"), ref)
    state = await contents(database)
    await STEPS[step](catalog, ref)
    assert await contents(database) == state


async def test_a_provisioned_tenant_has_twelve_tables_and_their_version(
    catalog: TenantCatalog, database: Database
) -> None:
    ref = await active(catalog)
    tables = [name for name in await contents(database) if name.startswith(ref.schema_name)]
    assert len(tables) == 13
    assert f"{ref.schema_name}.schema_version" in tables


async def test_a_provisioned_tenant_starts_with_settings_and_labels(
    catalog: TenantCatalog, database: Database
) -> None:
    ref = await active(catalog)
    found = await contents(database)
    assert len(found[f"{ref.schema_name}.settings"]) == 3
    assert len(found[f"{ref.schema_name}.labels"]) == 3


async def test_activation_enqueues_one_mail_to_the_administrator(
    catalog: TenantCatalog, database: Database
) -> None:
    ref = await built(catalog, admin="Ada@Acme.test")
    key = await catalog.activate(ref)
    async with database.transaction() as connection:
        rows = await connection.execute(
            "SELECT idempotency_key, recipient, message_id FROM catalog.mails"
        )
        [[found, recipient, message_id]] = await rows.fetchall()
    assert (found, recipient) == (key, "ada@acme.test")
    assert message_id.endswith("@fleet.test>")


async def test_a_tenant_without_an_administrator_is_not_activated(catalog: TenantCatalog) -> None:
    ref = await reserved(catalog)
    with pytest.raises(IllegalTransition, match="no administrator"):
        await catalog.activate(ref)
    assert (await catalog.get("acme")).state is TenantState.PROVISIONING


async def test_the_events_tell_every_transition(catalog: TenantCatalog, database: Database) -> None:
    await deleted(catalog)
    async with database.transaction() as connection:
        rows = await connection.execute(
            "SELECT from_state, to_state, generation FROM catalog.tenant_events ORDER BY event_id"
        )
        assert await rows.fetchall() == [
            (None, "provisioning", 1),
            ("provisioning", "active", 1),
            ("active", "deleting", 2),
            ("deleting", "purging", 2),
            ("purging", "deleted", 2),
        ]


async def test_the_user_who_has_the_address_already_becomes_administrator(
    catalog: TenantCatalog,
) -> None:
    first = await reserved(catalog, "acme")
    second = await reserved(catalog, "globex")
    ada = await catalog.create_admin(first, "ada@acme.test", uuid4())
    assert await catalog.create_admin(second, "ADA@acme.test", uuid4()) == ada


@pytest.mark.parametrize("slug", ["Acme", "acme_x", 'x"; DROP SCHEMA catalog; --'])
async def test_what_is_not_a_slug_is_refused(slug: str, catalog: TenantCatalog) -> None:
    with pytest.raises(InvalidName):
        await reserved(catalog, slug)


async def test_a_slug_in_use_is_refused_with_the_state_of_its_tenant(
    catalog: TenantCatalog,
) -> None:
    await active(catalog)
    with pytest.raises(TenantExists, match="'acme' exists already and is active"):
        await reserved(catalog)


async def test_of_eight_runs_that_reserve_one_slug_at_once_one_wins(
    catalog: TenantCatalog,
) -> None:
    outcomes = await asyncio.gather(*(reserved(catalog) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(outcome, TenantRef) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, TenantExists) for outcome in outcomes) == 7


async def test_eight_attempts_at_once_make_one_schema_with_each_migration_once(
    catalog: TenantCatalog, database: Database
) -> None:
    ref = await reserved(catalog)

    async def attempt() -> None:
        await catalog.create_schema(ref)
        for name in MIGRATIONS:
            await catalog.apply_migration(ref, name)

    await asyncio.gather(*(attempt() for _ in range(8)))
    assert len((await contents(database))[f"{ref.schema_name}.schema_version"]) == 4


async def test_slugs_that_differ_by_a_hyphen_have_two_schemas_even_with_alike_ids(
    catalog: TenantCatalog,
) -> None:
    first, second = UUID(int=1), UUID(int=2)  # the same first eight digits
    one = await reserved(catalog, "a-b", tenant_id=first)
    other = await reserved(catalog, "ab", tenant_id=second)
    assert one.schema_name != other.schema_name
    for ref in (one, other):
        await catalog.create_schema(ref)
        await catalog.apply_migration(ref, MIGRATIONS[0])


async def test_the_catalogue_does_not_take_one_schema_for_two_tenants(
    catalog: TenantCatalog, database: Database
) -> None:
    ref = await reserved(catalog)
    with pytest.raises(DatabaseUnavailable, match="tenants_schema_name_key"):
        async with database.transaction() as connection:
            await connection.execute(
                "INSERT INTO catalog.tenants (tenant_id, slug, display_name, schema_name, state,"
                " generation, operation) VALUES (%s, 'other', '', %s, 'active', 1, 'run')",
                [uuid4(), ref.schema_name],
            )


async def test_the_longest_slug_is_a_schema_of_its_own(
    catalog: TenantCatalog, database: Database
) -> None:
    longest, other = "a" * 40, "a" * 39 + "b"
    one, two = await built(catalog, longest), await built(catalog, other)
    tables = await contents(database)
    assert f"{one.schema_name}.tasks" in tables
    assert f"{two.schema_name}.tasks" in tables


async def test_migrations_apply_in_their_order_only(catalog: TenantCatalog) -> None:
    ref = await reserved(catalog)
    await catalog.create_schema(ref)
    with pytest.raises(MigrationDrift, match=f"{MIGRATIONS[1]} .* before {MIGRATIONS[0]}"):
        await catalog.apply_migration(ref, MIGRATIONS[1])


async def test_a_migration_that_this_code_does_not_have_is_refused(catalog: TenantCatalog) -> None:
    ref = await reserved(catalog)
    with pytest.raises(MigrationDrift, match="0099_future"):
        await catalog.apply_migration(ref, "0099_future")


async def test_what_is_pending_shrinks_as_migrations_apply(catalog: TenantCatalog) -> None:
    ref = await reserved(catalog)
    assert await catalog.pending_migrations(ref) == MIGRATIONS
    await catalog.create_schema(ref)
    await catalog.apply_migration(ref, MIGRATIONS[0])
    assert await catalog.pending_migrations(ref) == MIGRATIONS[1:]


async def test_a_provisioning_that_failed_leaves_only_its_row_with_the_reason(
    catalog: TenantCatalog, database: Database
) -> None:
    ref = await built(catalog)
    await without_schema(catalog, ref)
    await catalog.abandon(ref, "disk full")
    found = await contents(database)
    row = await catalog.get("acme")
    assert (row.state, row.failure) == (TenantState.FAILED, "disk full")
    assert found["catalog.users"] == found["catalog.memberships"] == found["catalog.mails"] == []
    assert not [name for name in found["objects"] if name.startswith(ref.schema_name)]


async def test_abandoning_twice_changes_nothing(catalog: TenantCatalog, database: Database) -> None:
    ref = await reserved(catalog)
    await catalog.abandon(ref, "disk full")
    state = await contents(database)
    await catalog.abandon(ref, "disk full")
    assert await contents(database) == state


async def test_a_user_who_was_there_before_survives_a_failed_provisioning(
    catalog: TenantCatalog, database: Database
) -> None:
    await active(catalog, "globex", admin="ada@globex.test")
    ref = await reserved(catalog)
    await catalog.create_admin(ref, "ada@globex.test", uuid4())
    await catalog.abandon(ref, "disk full")
    found = await contents(database)
    assert (len(found["catalog.users"]), len(found["catalog.memberships"])) == (1, 1)


async def test_an_active_tenant_is_not_abandoned(catalog: TenantCatalog) -> None:
    ref = await active(catalog)
    with pytest.raises(IllegalTransition, match="'acme' is active"):
        await catalog.abandon(ref, "disk full")
    with pytest.raises(IllegalTransition, match="'acme' is active"):
        await catalog.drop_tables(ref)


async def test_a_tenant_is_not_abandoned_while_its_schema_is_there(catalog: TenantCatalog) -> None:
    ref = await built(catalog)
    with pytest.raises(SchemaNotEmpty, match=ref.schema_name):
        await catalog.abandon(ref, "disk full")


async def test_a_slug_whose_provisioning_failed_can_be_provisioned_again(
    catalog: TenantCatalog,
) -> None:
    first = await reserved(catalog)
    await catalog.abandon(first, "disk full")
    second = await active(catalog)
    row = await catalog.get("acme")
    assert (second.tenant_id, second.generation) == (first.tenant_id, 2)
    assert (row.state, row.failure) == (TenantState.ACTIVE, None)


async def test_a_run_that_was_taken_back_cannot_reserve_its_slug_again(
    catalog: TenantCatalog,
) -> None:
    ref = await catalog.reserve("acme", "Acme", uuid4(), "run-1")
    await catalog.abandon(ref, "disk full")
    with pytest.raises(StaleGeneration, match="run-1"):
        await catalog.reserve("acme", "Acme", uuid4(), "run-1")


async def test_a_run_that_wakes_up_after_the_end_of_its_tenant_reserves_nothing(
    catalog: TenantCatalog,
) -> None:
    ref = await catalog.reserve("acme", "Acme", ADMIN_ID, "run-1")
    await catalog.create_admin(ref, "ada@acme.test", uuid4())
    await catalog.activate(ref)
    gone, _ = await catalog.begin_deletion("acme", (await catalog.get("acme")).created_at, "run-2")
    await catalog.begin_purge(gone)
    await catalog.erase(gone)
    with pytest.raises(StaleGeneration, match="run-1"):
        await catalog.reserve("acme", "Acme", ADMIN_ID, "run-1")


async def test_taking_back_fences_off_what_the_run_still_has_under_way(
    catalog: TenantCatalog,
) -> None:
    ref = await catalog.reserve("acme", "Acme", uuid4(), "run-1")
    taken = await catalog.take_back("acme", "run-1")
    with pytest.raises(StaleGeneration, match="generation 1"):
        await catalog.create_schema(ref)
    assert taken is not None
    await catalog.abandon(taken, "disk full")


async def test_taking_back_twice_returns_the_same(
    catalog: TenantCatalog, database: Database
) -> None:
    await catalog.reserve("acme", "Acme", uuid4(), "run-1")
    taken = await catalog.take_back("acme", "run-1")
    state = await contents(database)
    assert await catalog.take_back("acme", "run-1") == taken
    assert await contents(database) == state


async def test_a_run_takes_back_only_what_it_holds(catalog: TenantCatalog) -> None:
    assert await catalog.take_back("acme", "run-1") is None
    await catalog.reserve("acme", "Acme", uuid4(), "run-1")
    assert await catalog.take_back("acme", "run-2") is None
    await catalog.create_admin((await catalog.get("acme")).ref, "ada@acme.test", uuid4())
    await catalog.activate((await catalog.get("acme")).ref)
    assert await catalog.take_back("acme", "run-1") is None


async def test_a_provisioning_whose_run_was_terminated_is_taken_over_when_asked(
    catalog: TenantCatalog, database: Database
) -> None:
    first = await built(catalog, admin="eve@acme.test")
    with pytest.raises(TenantExists, match="is provisioning"):
        await catalog.reserve("acme", "Acme", uuid4(), "run-2")
    second = await catalog.reserve("acme", "Acme", uuid4(), "run-2", take_over=True)
    await catalog.create_admin(second, "ada@acme.test", uuid4())
    await catalog.activate(second)
    with pytest.raises(StaleGeneration):
        await catalog.activate(first)
    assert len((await contents(database))["catalog.memberships"]) == 1
