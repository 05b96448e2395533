"""Fixtures: one embedded Postgres per test process, and a fresh database with the catalogue per test.

The catalogue is migrated once, into a template database that every test's database is copied from.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import psycopg
import pytest_asyncio
from psycopg import sql
from pydantic import SecretStr

from dev_servers.postgres import EmbeddedPostgres, embedded_postgres
from tenant_catalog.database import Database, open_database
from tenant_catalog.migrations.apply import migrate_catalog
from tenant_catalog.settings import DatabaseSettings

_TEMPLATE = "catalog_template"


def database_settings(url: str, **values: float) -> DatabaseSettings:
    """Settings for a test; the environment wins over them, so tests run without DATABASE_…"""
    return DatabaseSettings(url=SecretStr(url), **values)  # type: ignore[arg-type]


@asynccontextmanager
async def opened(url: str, *, pool_size: int = 10, **values: float) -> AsyncIterator[Database]:
    """A `Database` on that URL; `values` are further settings, such as `lock_timeout=0.5`."""
    settings = database_settings(url, **values)
    async with open_database(
        settings, pool_size=pool_size, application_name="test"
    ) as database:
        yield database


async def contents(url: str) -> dict[str, list[str]]:
    """All that a database holds: its rows by table, its schemas, and their objects.

    For tests that a second call changes nothing: equal contents are an equal state.
    """
    async with await psycopg.AsyncConnection.connect(url) as connection:
        names = await connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables"
            " WHERE table_type = 'BASE TABLE'"
            " AND table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2"
        )
        found: dict[str, list[str]] = {}
        for schema, table in await names.fetchall():
            rows = await connection.execute(
                sql.SQL("SELECT t::text FROM {} t ORDER BY 1").format(sql.Identifier(schema, table))
            )
            found[f"{schema}.{table}"] = [text for (text,) in await rows.fetchall()]
        objects = await connection.execute(
            "SELECT nspname || '.' || coalesce(relname, '') FROM pg_namespace n"
            " LEFT JOIN pg_class c ON c.relnamespace = n.oid"
            " WHERE nspname NOT LIKE 'pg\\_%%' AND nspname <> 'information_schema' ORDER BY 1"
        )
        found["objects"] = [name for (name,) in await objects.fetchall()]
        return found


@pytest_asyncio.fixture(scope="session")
async def postgres() -> AsyncIterator[EmbeddedPostgres]:
    """A throw-away server. Whoever stops it or changes its roles starts one of their own."""
    async with embedded_postgres() as server:
        yield server


@pytest_asyncio.fixture(scope="session")
async def _catalog_template(postgres: EmbeddedPostgres) -> str:
    async with opened(await postgres.create_database(_TEMPLATE)) as database:
        await migrate_catalog(database)
    return _TEMPLATE


@pytest_asyncio.fixture
async def database_url(
    postgres: EmbeddedPostgres, _catalog_template: str
) -> AsyncIterator[str]:
    """URL of a fresh database that has the catalogue, and no tenant."""
    name = f"test_{uuid4().hex}"
    async with await psycopg.AsyncConnection.connect(postgres.url(), autocommit=True) as admin:
        await admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(_catalog_template)
            )
        )
    yield postgres.url(name)
    await postgres.drop_database(name)


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh database that has the catalogue, opened."""
    async with opened(database_url) as opened_database:
        yield opened_database
