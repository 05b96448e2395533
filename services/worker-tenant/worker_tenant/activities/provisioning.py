"""Activities of provisioning: each one transaction in the catalogue, safe to run again."""

from dataclasses import dataclass
from uuid import UUID

from temporalio import activity

from tenant_catalog.contracts.tenants import TenantRef
from tenant_catalog.tenants import TenantCatalog


@dataclass(frozen=True)
class Reserve:
    slug: str
    display_name: str
    new_tenant_id: UUID
    """Used if the slug is new; a slug that failed before keeps its id."""
    operation: str
    """Run id of the workflow: what it reserves, it may reserve again."""


@dataclass(frozen=True)
class ApplyMigration:
    tenant: TenantRef
    version: str


@dataclass(frozen=True)
class CreateAdmin:
    tenant: TenantRef
    email: str
    new_user_id: UUID


@dataclass(frozen=True)
class TakeBack:
    slug: str
    operation: str


@dataclass(frozen=True)
class Abandon:
    tenant: TenantRef
    reason: str


class ProvisioningActivities:
    def __init__(self, catalog: TenantCatalog) -> None:
        self._catalog = catalog

    @activity.defn
    async def reserve_tenant(self, request: Reserve) -> TenantRef:
        """May take over what another run was provisioning: a workflow's id is by slug, so that run
        has ended, and without taking itself back (it was terminated)."""
        return await self._catalog.reserve(
            request.slug,
            display_name=request.display_name,
            tenant_id=request.new_tenant_id,
            operation=request.operation,
            take_over=True,
        )

    @activity.defn
    async def create_schema(self, tenant: TenantRef) -> None:
        await self._catalog.create_schema(tenant)

    @activity.defn
    async def pending_migrations(self, tenant: TenantRef) -> list[str]:
        return await self._catalog.pending_migrations(tenant)

    @activity.defn
    async def apply_migration(self, request: ApplyMigration) -> None:
        await self._catalog.apply_migration(request.tenant, request.version)

    @activity.defn
    async def create_admin(self, request: CreateAdmin) -> UUID:
        return await self._catalog.create_admin(
            request.tenant, email=request.email, user_id=request.new_user_id
        )

    @activity.defn
    async def apply_defaults(self, tenant: TenantRef) -> None:
        await self._catalog.apply_defaults(tenant)

    @activity.defn
    async def activate_tenant(self, tenant: TenantRef) -> str:
        """Gives the key of the welcome mail, which the same transaction has put into the outbox."""
        return await self._catalog.activate(tenant)

    @activity.defn
    async def take_back(self, request: TakeBack) -> TenantRef | None:
        """Fences all that this run may still have under way; `None` if it holds no tenant."""
        return await self._catalog.take_back(request.slug, operation=request.operation)

    @activity.defn
    async def abandon_tenant(self, request: Abandon) -> None:
        await self._catalog.abandon(request.tenant, request.reason)
