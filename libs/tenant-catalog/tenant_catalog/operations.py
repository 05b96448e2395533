"""What the operations on tenants share: a transaction that holds the tenant."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from tenant_catalog import tenant_rows
from tenant_catalog.contracts.tenants import TenantRef, TenantState
from tenant_catalog.database import Connection, Database, tenant_lock
from tenant_catalog.errors import SchemaNotEmpty
from tenant_catalog.migrations.apply import schema_exists
from tenant_catalog.tenant_rows import TenantRow


class TenantOperations:
    def __init__(self, database: Database, *, mail_domain: str = "localhost") -> None:
        """`mail_domain`: right-hand side of the mails' Message-ID: the sender's domain."""
        self._database = database
        self._mail_domain = mail_domain

    @asynccontextmanager
    async def _holding(
        self, ref: TenantRef, states: Collection[TenantState]
    ) -> AsyncIterator[tuple[Connection, TenantRow]]:
        """A transaction that holds the tenant, which is at the generation of `ref`."""
        async with self._database.transaction(tenant_lock(ref.slug)) as connection:
            yield connection, await tenant_rows.fenced(connection, ref, states=states)


async def require_no_schema(connection: Connection, row: TenantRow) -> None:
    # Better a leftover tenant than a leftover schema, which nothing would point to.
    if await schema_exists(connection, row.schema_name):
        raise SchemaNotEmpty(f"schema {row.schema_name} is still there; drop it first")
