"""The life of a tenant, from reservation to tombstone.

Each method is one transaction under the tenant's lock, and may be called again at any time, after a
crash that followed its commit as well: the second call changes nothing and returns the same. A
method that takes a `TenantRef` changes nothing once another operation has taken the tenant over.
"""

from typing import TypeAlias

from psycopg import sql

from tenant_catalog import tenant_rows
from tenant_catalog.contracts.tenants import TenantState
from tenant_catalog.deletion import Deletion
from tenant_catalog.provisioning import Provisioning
from tenant_catalog.tenant_rows import TenantRow

_Rows: TypeAlias = list[TenantRow]  # inside the class `list` is the method


class TenantCatalog(Provisioning, Deletion):
    """All methods raise DatabaseUnavailable and DatabaseRefused; those with a `TenantRef` raise
    StaleGeneration and IllegalTransition as well."""

    async def get(self, slug: str) -> TenantRow:
        """The live tenant of that slug. Raises TenantNotFound."""
        async with self._database.transaction() as connection:
            return await tenant_rows.find_existing(connection, slug)

    async def list(
        self, state: TenantState | None = None, *, include_deleted: bool = False
    ) -> _Rows:
        """Tenants by slug, oldest first; without tombstones, unless asked for."""
        wanted = {state} if state else set(TenantState)
        if not (include_deleted or state is TenantState.DELETED):
            wanted.discard(TenantState.DELETED)
        async with self._database.transaction() as connection:
            return await tenant_rows.select(
                connection,
                sql.SQL("WHERE state = ANY(%s) ORDER BY slug, created_at"),
                list(wanted),
            )
