import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest
from psycopg import sql

from tenant_catalog.contracts.tenants import TenantRef, TenantState
from tenant_catalog.contracts.users import Role
from tenant_catalog.database import Database
from tenant_catalog.errors import (
    DatabaseUnavailable,
    IllegalTransition,
    SchemaNotEmpty,
    StaleGeneration,
    TenantNotFound,
)
from tenant_catalog.tenants import TenantCatalog
from tenant_catalog.users import UserCatalog
from tests.support.postgres import contents, opened
from tests.support.tenants import (
    PURGE_AFTER,
    CrashAfterCommit,
    active,
    built,
    deleted,
    deleting,
    in_an_hour,
    purging,
    reserved,
    without_schema,
)


async def purging_without_schema(catalog: TenantCatalog) -> TenantRef:
    ref = await purging(catalog)
    await without_schema(catalog, ref)
    return ref


STEPS: dict[
    str,
    tuple[
        Callable[[TenantCatalog], Awaitable[TenantRef]],
        Callable[[TenantCatalog, TenantRef], Awaitable[object]],
    ],
] = {
    "begin_deletion": (
        active,
        lambda catalog, ref: catalog.begin_deletion("acme", PURGE_AFTER, "run-2"),
    ),
    "restore": (deleting, lambda catalog, ref: catalog.restore(ref, "run-2")),
    "begin_purge": (deleting, lambda catalog, ref: catalog.begin_purge(ref)),
    "drop_tables": (purging, lambda catalog, ref: catalog.drop_tables(ref)),
    "drop_schema": (purging, lambda catalog, ref: catalog.drop_schema(ref)),
    "erase": (purging_without_schema, lambda catalog, ref: catalog.erase(ref)),
}
"""Each step of a deletion, and the tenant that it is for."""


@pytest.mark.parametrize("step", STEPS)
async def test_a_step_that_runs_twice_leaves_the_same_state_and_returns_the_same(
    step: str, catalog: TenantCatalog, database: Database
) -> None:
    prepare, run = STEPS[step]
    ref = await prepare(catalog)
    first = await run(catalog, ref)
    state = await contents(database)
    assert await run(catalog, ref) == first
    assert await contents(database) == state


@pytest.mark.parametrize("step", STEPS)
async def test_a_step_whose_answer_is_lost_after_its_commit_can_be_run_again(
    step: str, catalog: TenantCatalog, database: Database
) -> None:
    prepare, run = STEPS[step]
    ref = await prepare(catalog)
    with pytest.raises(DatabaseUnavailable):
        await run(TenantCatalog(CrashAfterCommit(database)), ref)
    state = await contents(database)
    await run(catalog, ref)
    assert await contents(database) == state


async def test_a_soft_deletion_removes_nothing(catalog: TenantCatalog, database: Database) -> None:
    ref = await active(catalog)
    tables = (await contents(database))["objects"]
    deleting_ref, state = await catalog.begin_deletion("acme", PURGE_AFTER, "run-2")
    assert (await contents(database))["objects"] == tables
    assert (state, deleting_ref.generation) == (TenantState.DELETING, ref.generation + 1)
    assert (await catalog.get("acme")).purge_after == PURGE_AFTER


async def test_a_tenant_that_does_not_exist_is_not_deleted(catalog: TenantCatalog) -> None:
    with pytest.raises(TenantNotFound, match="'acme'"):
        await catalog.begin_deletion("acme", PURGE_AFTER, "run-2")


async def test_a_tenant_that_is_being_provisioned_is_not_deleted(catalog: TenantCatalog) -> None:
    await reserved(catalog)
    with pytest.raises(IllegalTransition, match="provisioning and cannot become deleting"):
        await catalog.begin_deletion("acme", PURGE_AFTER, "run-2")


async def test_a_tenant_that_another_run_deletes_is_refused_naming_that_run(
    catalog: TenantCatalog,
) -> None:
    await active(catalog)
    await catalog.begin_deletion("acme", PURGE_AFTER, "run-2")
    with pytest.raises(IllegalTransition, match="deleting already, by operation run-2"):
        await catalog.begin_deletion("acme", PURGE_AFTER, "run-3")


async def test_a_deletion_whose_run_was_terminated_is_taken_over_when_asked(
    catalog: TenantCatalog,
) -> None:
    ref = await deleting(catalog)
    taken, state = await catalog.begin_deletion("acme", PURGE_AFTER, "run-3", take_over=True)
    assert (taken.generation, state) == (ref.generation + 1, TenantState.DELETING)
    with pytest.raises(StaleGeneration):
        await catalog.begin_purge(ref)


async def test_a_purge_that_is_taken_over_stays_past_the_point_of_no_return(
    catalog: TenantCatalog,
) -> None:
    await purging(catalog)
    taken, state = await catalog.begin_deletion("acme", PURGE_AFTER, "run-3", take_over=True)
    assert state is TenantState.PURGING
    with pytest.raises(IllegalTransition):
        await catalog.restore(taken, "run-3")
    await without_schema(catalog, taken)
    await catalog.erase(taken)


async def test_a_restored_tenant_is_active_as_before(catalog: TenantCatalog) -> None:
    ref = await deleting(catalog)
    restored = await catalog.restore(ref, "run-2")
    row = await catalog.get("acme")
    assert row.ref == restored
    assert (row.state, row.deleted_at, row.purge_after) == (TenantState.ACTIVE, None, None)


async def test_a_restored_tenant_can_be_deleted_again(catalog: TenantCatalog) -> None:
    restored = await catalog.restore(await deleting(catalog), "run-2")
    again, _ = await catalog.begin_deletion("acme", PURGE_AFTER, "run-3")
    assert again.generation == restored.generation + 1


async def test_a_deletion_that_wakes_up_after_its_restore_does_not_delete_again(
    catalog: TenantCatalog,
) -> None:
    await active(catalog)
    ref, _ = await catalog.begin_deletion("acme", PURGE_AFTER, "run-2")
    await catalog.restore(ref, "run-2")
    with pytest.raises(StaleGeneration, match="run-2"):
        await catalog.begin_deletion("acme", PURGE_AFTER, "run-2")


async def test_after_the_purge_has_begun_nothing_restores_the_tenant(
    catalog: TenantCatalog,
) -> None:
    ref = await purging(catalog)
    with pytest.raises(IllegalTransition, match="'acme' is purging"):
        await catalog.restore(ref, "run-2")


async def test_of_a_restore_and_a_purge_at_once_one_wins(catalog: TenantCatalog) -> None:
    ref = await deleting(catalog)
    outcomes = await asyncio.gather(
        catalog.restore(ref, "run-2"), catalog.begin_purge(ref), return_exceptions=True
    )
    assert sum(isinstance(outcome, Exception) for outcome in outcomes) == 1
    state = (await catalog.get("acme")).state
    assert state is (TenantState.PURGING if outcomes[1] is None else TenantState.ACTIVE)


async def test_tables_are_dropped_before_the_purge_by_nobody(catalog: TenantCatalog) -> None:
    ref = await deleting(catalog)
    with pytest.raises(IllegalTransition, match="'acme' is deleting"):
        await catalog.drop_tables(ref)
    with pytest.raises(IllegalTransition, match="'acme' is deleting"):
        await catalog.drop_schema(ref)


async def test_tables_are_dropped_in_batches_and_counted_over_all_of_them(
    catalog: TenantCatalog,
) -> None:
    ref = await purging(catalog)
    batches = [await catalog.drop_tables(ref, limit=5) for _ in range(3)]
    assert [(batch.dropped_in_all, batch.remaining) for batch in batches] == [
        (5, 8),
        (10, 3),
        (13, 0),
    ]


async def test_a_schema_that_is_dropped_in_part_does_not_look_complete(
    catalog: TenantCatalog,
) -> None:
    ref = await built(catalog)
    assert await catalog.pending_migrations(ref) == []
    await catalog.drop_tables(ref, limit=1)
    assert len(await catalog.pending_migrations(ref)) == 4


async def test_a_crash_after_a_batch_does_not_lose_its_count(
    catalog: TenantCatalog, database: Database
) -> None:
    ref = await purging(catalog)
    with pytest.raises(DatabaseUnavailable):
        await TenantCatalog(CrashAfterCommit(database)).drop_tables(ref, limit=5)
    assert (await catalog.drop_tables(ref)).dropped_in_all == 13


async def test_a_schema_with_hundreds_of_tables_and_all_kinds_of_objects_goes(
    catalog: TenantCatalog, database: Database
) -> None:
    ref = await purging(catalog)
    async with database.transaction() as connection:
        await connection.execute(
            sql.SQL("SET LOCAL search_path TO {}").format(sql.Identifier(ref.schema_name))
        )
        await connection.execute(
            """
            DO $$ BEGIN FOR i IN 1..220 LOOP
                EXECUTE format('CREATE TABLE extra_%s (id int PRIMARY KEY)', i);
            END LOOP; END $$;
            CREATE TABLE measures (at date NOT NULL) PARTITION BY RANGE (at);
            CREATE TABLE measures_2029 PARTITION OF measures
                FOR VALUES FROM ('2029-01-01') TO ('2030-01-01');
            CREATE TABLE parent (id int); CREATE TABLE child () INHERITS (parent);
            CREATE TABLE "odd ""name" (id int);
            CREATE VIEW open_tasks AS SELECT * FROM tasks WHERE state = 'open';
            CREATE MATERIALIZED VIEW busy AS SELECT * FROM open_tasks;
            CREATE VIEW constant AS SELECT 1 AS one;
            CREATE SEQUENCE numbers;
            CREATE TYPE mood AS ENUM ('good', 'bad');
            CREATE DOMAIN positive AS int CHECK (VALUE > 0);
            CREATE FUNCTION answer() RETURNS int LANGUAGE sql AS 'SELECT 42';
            """
        )
    remaining = 1
    while remaining:
        remaining = (await catalog.drop_tables(ref)).remaining
    await catalog.drop_schema(ref)
    assert not [
        name for name in (await contents(database))["objects"] if name.startswith(ref.schema_name)
    ]


async def test_a_schema_with_many_tables_left_is_not_dropped_at_once(
    catalog: TenantCatalog, database: Database
) -> None:
    ref = await purging(catalog)
    async with database.transaction() as connection:
        for number in range(40):
            await connection.execute(
                sql.SQL("CREATE TABLE {} ()").format(
                    sql.Identifier(ref.schema_name, f"extra_{number}")
                )
            )
    with pytest.raises(SchemaNotEmpty, match="53 tables"):
        await catalog.drop_schema(ref)


async def test_a_reader_that_forgot_its_transaction_delays_the_drop_and_is_not_waited_for(
    catalog: TenantCatalog, database: Database, database_url: str
) -> None:
    ref = await purging(catalog)
    async with opened(database_url, lock_timeout=0.1) as impatient:
        async with database.transaction() as reader:
            await reader.execute(
                sql.SQL("SELECT FROM {}").format(sql.Identifier(ref.schema_name, "tasks"))
            )
            with pytest.raises(DatabaseUnavailable, match="55P03"):
                await TenantCatalog(impatient).drop_tables(ref)
        assert (await TenantCatalog(impatient).drop_tables(ref)).remaining == 0


async def test_one_tenants_end_leaves_the_other_as_it_was(
    catalog: TenantCatalog, database: Database
) -> None:
    globex = await active(catalog, "globex")
    before = await contents(database)
    await deleted(catalog, "acme")
    after = await contents(database)
    ours = [name for name in before if name.startswith(globex.schema_name)]
    assert [after[name] for name in ours] == [before[name] for name in ours]
    for table in ("users", "memberships", "mails"):
        assert after[f"catalog.{table}"] == before[f"catalog.{table}"]


async def test_of_a_deleted_tenant_only_the_tombstone_and_its_events_are_left(
    catalog: TenantCatalog, users: UserCatalog, database: Database
) -> None:
    ref = await active(catalog)
    member = await users.add_user("acme", "bob@acme.test", "Bob", Role.MEMBER, uuid4(), "run-9")
    await users.issue_verification(member, in_an_hour())
    async with database.transaction() as connection:
        for statement in (
            "INSERT INTO catalog.refresh_tokens (tenant_id, user_id, token_digest, expires_at)"
            " SELECT %s, user_id, user_id::text, now() FROM catalog.users",
            "INSERT INTO catalog.invites (tenant_id, email, role, token_digest, expires_at)"
            " VALUES (%s, 'eve@acme.test', 'member', 'x', now())",
        ):
            await connection.execute(statement, [ref.tenant_id])
    ref, _ = await catalog.begin_deletion("acme", PURGE_AFTER, "run-2")
    await catalog.begin_purge(ref)
    await without_schema(catalog, ref)
    await catalog.erase(ref)
    filled = {name for name, rows in (await contents(database)).items() if rows}
    assert filled == {
        "catalog.tenants",
        "catalog.tenant_events",
        "catalog.schema_version",
        "objects",
    }


async def test_a_member_of_another_tenant_survives(
    catalog: TenantCatalog, database: Database
) -> None:
    await active(catalog, "globex", admin="ada@fleet.test")
    await active(catalog, "acme", admin="ada@fleet.test")
    ref, _ = await catalog.begin_deletion("acme", PURGE_AFTER, "run-2")
    await catalog.begin_purge(ref)
    await without_schema(catalog, ref)
    await catalog.erase(ref)
    assert len((await contents(database))["catalog.users"]) == 1


async def test_a_user_who_joins_another_tenant_while_the_last_one_ends_is_never_lost(
    catalog: TenantCatalog, users: UserCatalog, database: Database
) -> None:
    await active(catalog, "globex", admin="root@globex.test")
    for number in range(5):
        slug, email = f"acme-{number}", f"ada-{number}@fleet.test"
        await active(catalog, slug, admin=email)
        ref, _ = await catalog.begin_deletion(slug, PURGE_AFTER, f"run-{number}")
        await catalog.begin_purge(ref)
        await without_schema(catalog, ref)
        _, member = await asyncio.gather(
            catalog.erase(ref),
            users.add_user("globex", email, "Ada", Role.MEMBER, uuid4(), f"join-{number}"),
        )
        assert str(member.user_id) in "\n".join((await contents(database))["catalog.users"])


async def test_a_tenant_is_not_erased_while_its_schema_is_there(catalog: TenantCatalog) -> None:
    ref = await purging(catalog)
    with pytest.raises(SchemaNotEmpty, match=ref.schema_name):
        await catalog.erase(ref)


async def test_the_slug_of_a_tombstone_can_be_given_again(catalog: TenantCatalog) -> None:
    old = await deleted(catalog)
    new = await active(catalog)
    assert new.tenant_id != old.tenant_id
    assert new.schema_name != old.schema_name
    with pytest.raises(IllegalTransition, match="deleted"):
        await catalog.drop_schema(old)
    assert (await catalog.get("acme")).ref == new


async def test_a_tombstone_is_no_tenant_and_is_listed_only_when_asked_for(
    catalog: TenantCatalog,
) -> None:
    await deleted(catalog, "acme")
    await built(catalog, "globex")
    with pytest.raises(TenantNotFound):
        await catalog.get("acme")
    assert [row.slug for row in await catalog.list()] == ["globex"]
    assert [row.slug for row in await catalog.list(include_deleted=True)] == ["acme", "globex"]
    assert [row.slug for row in await catalog.list(TenantState.DELETED)] == ["acme"]
    assert await catalog.list(TenantState.ACTIVE) == []


@pytest.mark.parametrize(
    "act",
    [
        lambda catalog, ref: catalog.create_schema(ref),
        lambda catalog, ref: catalog.pending_migrations(ref),
        lambda catalog, ref: catalog.apply_migration(ref, "0001_projects"),
        lambda catalog, ref: catalog.create_admin(ref, "eve@acme.test", uuid4()),
        lambda catalog, ref: catalog.apply_defaults(ref),
        lambda catalog, ref: catalog.activate(ref),
        lambda catalog, ref: catalog.abandon(ref, "late"),
        lambda catalog, ref: catalog.restore(ref, "late"),
        lambda catalog, ref: catalog.begin_purge(ref),
        lambda catalog, ref: catalog.drop_tables(ref),
        lambda catalog, ref: catalog.drop_schema(ref),
        lambda catalog, ref: catalog.erase(ref),
    ],
)
async def test_an_attempt_that_was_overtaken_changes_nothing(
    act: Callable[[TenantCatalog, TenantRef], Awaitable[object]],
    catalog: TenantCatalog,
    database: Database,
) -> None:
    stale = await active(catalog)
    await catalog.begin_deletion("acme", PURGE_AFTER, "run-2")
    state = await contents(database)
    with pytest.raises(StaleGeneration, match="'acme' is no longer at generation 1"):
        await act(catalog, stale)
    assert await contents(database) == state
