import asyncio
from dataclasses import replace
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from tenant_catalog.database import Database
from tenant_catalog.errors import DatabaseRefused, MigrationDrift
from tenant_catalog.migrations.apply import apply, migrate_catalog, pending, prepare
from tenant_catalog.migrations.files import Migration, catalog_migrations, tenant_migrations
from tests.support.postgres import contents, opened

ONE = Migration(1, "0001_one", "CREATE TABLE one (id int);")
TWO = Migration(2, "0002_two", "CREATE TABLE two (id int);")
BROKEN = Migration(2, "0002_broken", "CREATE TABLE half (id int); SELECT no_such_thing;")
ALL = [migration.name for migration in catalog_migrations()]


async def test_an_empty_database_gets_the_whole_catalogue_in_order(empty_database_url: str) -> None:
    async with opened(empty_database_url) as database:
        assert await migrate_catalog(database) == ALL


async def test_a_second_time_there_is_nothing_to_do(empty_database_url: str) -> None:
    async with opened(empty_database_url) as database:
        await migrate_catalog(database)
        state = await contents(database)
        assert await migrate_catalog(database) == []
        assert await contents(database) == state


async def test_of_eight_processes_that_start_at_once_one_applies_each_migration(
    empty_database_url: str,
) -> None:
    async with opened(empty_database_url) as database:
        applied = await asyncio.gather(*(migrate_catalog(database) for _ in range(8)))
    assert sorted(name for names in applied for name in names) == ALL


async def test_only_what_is_new_is_applied(empty_database_url: str) -> None:
    async with opened(empty_database_url) as database:
        await migrate_catalog(database, [ONE])
        assert await migrate_catalog(database, [ONE, TWO]) == ["0002_two"]


async def test_a_catalogue_of_a_newer_release_is_left_alone(empty_database_url: str) -> None:
    async with opened(empty_database_url) as database:
        await migrate_catalog(database, [ONE, TWO])
        assert await migrate_catalog(database, [ONE]) == []


async def test_a_migration_that_fails_leaves_nothing_and_keeps_those_before_it(
    empty_database_url: str,
) -> None:
    async with opened(empty_database_url) as database:
        with pytest.raises(DatabaseRefused, match="no_such_thing"):
            await migrate_catalog(database, [ONE, BROKEN])
        found = await contents(database)
        assert "catalog.one" in found
        assert "catalog.half" not in found
        assert await migrate_catalog(database, [ONE, TWO]) == ["0002_two"]


async def test_an_applied_file_that_was_changed_is_an_error_that_names_it(
    empty_database_url: str,
) -> None:
    async with opened(empty_database_url) as database:
        await migrate_catalog(database, [ONE])
        changed = replace(ONE, sql=ONE.sql + " -- and more")
        with pytest.raises(MigrationDrift, match=r"0001_one\.sql was changed .* schema catalog"):
            await migrate_catalog(database, [changed, TWO])
        assert "catalog.two" not in await contents(database)


async def test_a_migration_slipped_in_before_an_applied_one_is_an_error_that_names_it(
    empty_database_url: str,
) -> None:
    async with opened(empty_database_url) as database:
        await migrate_catalog(database, [TWO])
        with pytest.raises(MigrationDrift, match="not 0001_one"):
            await migrate_catalog(database, [ONE, TWO])


async def test_a_role_without_ddl_rights_may_start_when_nothing_is_to_be_done(
    empty_database_url: str,
) -> None:
    async with opened(empty_database_url) as owner:
        await migrate_catalog(owner)
    url = await _role_that_may_read_versions(empty_database_url)
    async with opened(url) as database:
        assert await migrate_catalog(database) == []


async def test_a_role_without_ddl_rights_is_told_what_it_lacks(
    empty_database_url: str,
) -> None:
    async with opened(empty_database_url) as owner:
        await migrate_catalog(owner, [ONE])
    url = await _role_that_may_read_versions(empty_database_url)
    async with opened(url) as database:
        with pytest.raises(DatabaseRefused, match=r"permission denied .*42501.* that right"):
            await migrate_catalog(database, [ONE, TWO])


async def test_a_schema_that_an_administrator_made_is_used(
    empty_database_url: str,
) -> None:
    name = f"role_{uuid4().hex}"
    async with await psycopg.AsyncConnection.connect(
        empty_database_url, autocommit=True
    ) as connection:
        for statement in ("CREATE ROLE {} LOGIN", "CREATE SCHEMA catalog AUTHORIZATION {}"):
            await connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
    async with opened(empty_database_url.replace("postgres@", f"{name}@")) as database:
        assert await migrate_catalog(database) == ALL


async def test_a_tenants_migration_stays_inside_its_schema(database: Database) -> None:
    before = await contents(database)
    async with database.transaction() as connection:
        await prepare(connection, "t_acme")
        for migration in tenant_migrations():
            await apply(connection, "t_acme", migration, tenant_migrations())
    after = await contents(database)
    ours = {name for name in after if name.startswith("t_acme.")}
    assert set(after) - set(before) == ours
    assert len(ours) == 13


async def test_the_search_path_of_a_migration_ends_with_it(database_url: str) -> None:
    async with opened(database_url, pool_size=1) as database:
        async with database.transaction() as connection:
            before = await (await connection.execute("SHOW search_path")).fetchone()
        async with database.transaction() as connection:
            await prepare(connection, "t_acme")
            await apply(connection, "t_acme", ONE, [ONE])
        async with database.transaction() as connection:
            assert await (await connection.execute("SHOW search_path")).fetchone() == before


async def test_drift_in_a_tenants_schema_names_file_and_schema(database: Database) -> None:
    async with database.transaction() as connection:
        await prepare(connection, "t_acme")
        await apply(connection, "t_acme", ONE, [ONE])
        with pytest.raises(MigrationDrift, match=r"0001_one\.sql .* schema t_acme"):
            await pending(connection, "t_acme", [replace(ONE, sql="SELECT 1")])


async def test_every_foreign_key_of_a_tenant_has_an_index(database: Database) -> None:
    async with database.transaction() as connection:
        await prepare(connection, "t_acme")
        for migration in tenant_migrations():
            await apply(connection, "t_acme", migration, tenant_migrations())
        rows = await connection.execute(
            "SELECT conrelid::regclass::text, conkey FROM pg_constraint c"
            " WHERE contype = 'f' AND connamespace IN ('t_acme'::regnamespace,"
            " 'catalog'::regnamespace) AND NOT EXISTS (SELECT FROM pg_index i"
            " WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1])"
        )
        assert await rows.fetchall() == []


async def _role_that_may_read_versions(url: str) -> str:
    """URL for a new role that may read the catalogue's versions, and nothing more."""
    name = f"role_{uuid4().hex}"
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        for statement in (
            "CREATE ROLE {} LOGIN",
            "GRANT USAGE ON SCHEMA catalog TO {}",
            "GRANT SELECT ON catalog.schema_version TO {}",
        ):
            await connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
    return url.replace("postgres@", f"{name}@")
