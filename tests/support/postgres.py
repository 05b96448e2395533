"""Fixtures: one embedded Postgres per test process, with the catalogue, emptied for each test.

Emptied and not made anew: a fresh database per test costs 100 ms, and a cold connection to it as
much again for the first tenant.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from psycopg import sql
from pydantic import SecretStr

from dev_servers.postgres import EmbeddedPostgres, embedded_postgres
from tenant_catalog.database import Database, open_database
from tenant_catalog.migrations.apply import migrate_catalog
from tenant_catalog.settings import DatabaseSettings


def database_settings(url: str, **values: float) -> DatabaseSettings:
    """Settings of a database; `values` are further ones, such as `lock_timeout=0.5`.

    The environment wins over them: tests run without DATABASE_URL and its like.
    """
    return DatabaseSettings.model_validate({"url": SecretStr(url), **values})


@asynccontextmanager
async def opened(url: str, *, pool_size: int = 10, **values: float) -> AsyncIterator[Database]:
    """A `Database` on that URL; `values` as in `database_settings`."""
    settings = database_settings(url, **values)
    async with open_database(settings, pool_size=pool_size, application_name="test") as database:
        yield database


async def contents(database: Database) -> dict[str, list[str]]:
    """All that a database holds: its rows by `schema.table`, and under `objects` what there is.

    For tests that a second call changes nothing: equal contents are an equal state.
    """
    found: dict[str, list[str]] = {}
    async with database.transaction() as connection:
        objects = await connection.execute(
            "SELECT nspname, coalesce(relname, ''), coalesce(relkind::text, '')"
            " FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid"
            " WHERE NOT starts_with(nspname, 'pg_') AND nspname <> 'information_schema'"
            " ORDER BY nspname, relname"
        )
        named = await objects.fetchall()
        tables = [(schema, name) for schema, name, kind in named if kind == "r"]
        if tables:
            rows = await connection.execute(
                sql.SQL(" UNION ALL ").join(
                    sql.SQL("(SELECT {}, t::text FROM {} t ORDER BY 2)").format(
                        f"{schema}.{name}", sql.Identifier(schema, name)
                    )
                    for schema, name in tables
                )
            )
            found = {f"{schema}.{name}": [] for schema, name in tables}
            for table, text in await rows.fetchall():
                found[table].append(text)
    return {**found, "objects": [f"{schema}.{name}" for schema, name, _ in named]}


async def empty(database: Database) -> None:
    """Remove all tenants and all rows of the catalogue."""
    async with database.transaction() as connection:
        await connection.execute(
            """
            DO $$ DECLARE name text; BEGIN
                -- Without its triggers, hence without the order that foreign keys ask for.
                SET LOCAL session_replication_role = replica;
                FOR name IN SELECT nspname FROM pg_namespace WHERE starts_with(nspname, 't_') LOOP
                    EXECUTE format('DROP SCHEMA %I CASCADE', name);
                END LOOP;
                FOR name IN SELECT tablename FROM pg_tables
                    WHERE schemaname = 'catalog' AND tablename <> 'schema_version'
                LOOP
                    EXECUTE format('DELETE FROM catalog.%I', name);
                END LOOP;
            END $$
            """
        )


@pytest_asyncio.fixture(scope="session")
async def postgres() -> AsyncIterator[EmbeddedPostgres]:
    """A throw-away server. Whoever stops it starts one of their own."""
    async with embedded_postgres() as server:
        yield server


@pytest_asyncio.fixture(scope="session")
async def _catalog_url(postgres: EmbeddedPostgres) -> str:
    return await postgres.create_database("catalog")


@pytest_asyncio.fixture(scope="session")
async def _catalog(_catalog_url: str) -> AsyncIterator[Database]:
    async with opened(_catalog_url) as database:
        await migrate_catalog(database)
        yield database


@pytest_asyncio.fixture
async def database(_catalog: Database) -> Database:
    """A database that has the catalogue, and no tenant."""
    await empty(_catalog)
    return _catalog


@pytest.fixture
def database_url(_catalog_url: str, database: Database) -> str:
    """URL of `database`, for whoever opens it themselves."""
    del database  # asked for because it empties the database
    return _catalog_url


@pytest_asyncio.fixture
async def empty_database_url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """URL of a fresh database without the catalogue."""
    url = await postgres.create_database()
    yield url
    await postgres.drop_database(url.rpartition("/")[2])
