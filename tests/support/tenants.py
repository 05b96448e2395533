"""Tenants for tests, made by the catalogue itself; a database that crashes after its commits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from tenant_catalog.contracts.tenants import TenantRef
from tenant_catalog.database import Connection, Database
from tenant_catalog.errors import DatabaseUnavailable
from tenant_catalog.tenants import TenantCatalog

PURGE_AFTER = datetime(2030, 1, 1, tzinfo=UTC)


async def reserved(
    catalog: TenantCatalog, slug: str = "acme", *, tenant_id: UUID | None = None
) -> TenantRef:
    """A tenant that has its row and nothing else."""
    return await catalog.reserve(slug, slug.title(), tenant_id or uuid4(), uuid4().hex)


async def built(catalog: TenantCatalog, slug: str = "acme", *, admin: str = "") -> TenantRef:
    """A tenant that has everything, and is not active yet."""
    ref = await reserved(catalog, slug)
    await catalog.create_schema(ref)
    for migration in await catalog.pending_migrations(ref):
        await catalog.apply_migration(ref, migration)
    await catalog.create_admin(ref, admin or f"admin@{slug}.test", uuid4())
    await catalog.apply_defaults(ref)
    return ref


async def active(catalog: TenantCatalog, slug: str = "acme", *, admin: str = "") -> TenantRef:
    ref = await built(catalog, slug, admin=admin)
    await catalog.activate(ref)
    return ref


async def deleting(catalog: TenantCatalog, slug: str = "acme") -> TenantRef:
    """A tenant that is deleted softly."""
    await active(catalog, slug)
    ref, _ = await catalog.begin_deletion(slug, PURGE_AFTER, uuid4().hex)
    return ref


async def purging(catalog: TenantCatalog, slug: str = "acme") -> TenantRef:
    """A tenant past the point of no return, whose tables are all there."""
    ref = await deleting(catalog, slug)
    await catalog.begin_purge(ref)
    return ref


async def without_schema(catalog: TenantCatalog, ref: TenantRef) -> None:
    """Drop the tenant's tables and schema."""
    while (await catalog.drop_tables(ref)).remaining:
        pass
    await catalog.drop_schema(ref)


async def deleted(catalog: TenantCatalog, slug: str = "acme") -> TenantRef:
    """A tombstone."""
    ref = await purging(catalog, slug)
    await without_schema(catalog, ref)
    await catalog.erase(ref)
    return ref


def in_an_hour() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


def an_hour_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)


class CrashAfterCommit(Database):
    """Each transaction commits, and its caller never hears of it."""

    def __init__(self, database: Database) -> None:
        self._whole = database

    @asynccontextmanager
    async def transaction(self, lock: str | None = None) -> AsyncIterator[Connection]:
        async with self._whole.transaction(lock) as connection:
            yield connection
        raise DatabaseUnavailable("the connection was lost after the commit")
