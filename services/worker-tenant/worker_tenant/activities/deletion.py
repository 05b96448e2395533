"""Activities of deletion: each one transaction in the catalogue, safe to run again."""

from dataclasses import dataclass
from datetime import datetime

from temporalio import activity

from tenant_catalog.contracts.tenants import TenantRef, TenantState
from tenant_catalog.deletion import DroppedTables
from tenant_catalog.tenants import TenantCatalog


@dataclass(frozen=True)
class BeginDeletion:
    slug: str
    purge_at: datetime
    operation: str


@dataclass(frozen=True)
class BegunDeletion:
    tenant: TenantRef
    state: TenantState
    """`deleting`; or `purging` when an earlier deletion got that far and ended."""


@dataclass(frozen=True)
class Restore:
    tenant: TenantRef
    operation: str


class DeletionActivities:
    def __init__(self, catalog: TenantCatalog) -> None:
        self._catalog = catalog

    @activity.defn
    async def begin_deletion(self, request: BeginDeletion) -> BegunDeletion:
        """May take over what another run was deleting: a workflow's id is by slug, so that run has
        ended, and before its time (it was terminated)."""
        tenant, state = await self._catalog.begin_deletion(
            request.slug,
            purge_after=request.purge_at,
            operation=request.operation,
            take_over=True,
        )
        return BegunDeletion(tenant, state)

    @activity.defn
    async def restore_tenant(self, request: Restore) -> TenantRef:
        return await self._catalog.restore(request.tenant, operation=request.operation)

    @activity.defn
    async def begin_purge(self, tenant: TenantRef) -> None:
        await self._catalog.begin_purge(tenant)

    @activity.defn
    async def drop_tables(self, tenant: TenantRef) -> DroppedTables:
        """One batch."""
        return await self._catalog.drop_tables(tenant)

    @activity.defn
    async def drop_schema(self, tenant: TenantRef) -> None:
        await self._catalog.drop_schema(tenant)

    @activity.defn
    async def erase_records(self, tenant: TenantRef) -> None:
        await self._catalog.erase(tenant)
