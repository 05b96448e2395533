"""Starting the services' workflows as a client does."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowHandle

from temporal_common.routing import Router
from temporal_common.testing import RunningService
from tenant_catalog.contracts.cleanup import (
    CLEANUP_WORKFLOW,
    CleanedUpTokens,
    CleanUpTokens,
    cleanup_id,
)
from tenant_catalog.contracts.tenants import (
    DELETION_WORKFLOW,
    PROVISIONING_WORKFLOW,
    DeletedTenant,
    DeleteTenant,
    ProvisionedTenant,
    ProvisionTenant,
    deletion_id,
    provisioning_id,
)
from tenant_catalog.contracts.users import (
    ONBOARDING_WORKFLOW,
    OnboardedUser,
    OnboardUser,
    onboarding_id,
)


@dataclass(frozen=True)
class Fleet:
    """Services that run as processes of their own, as a client knows them."""

    client: Client
    router: Router


def admin_of(slug: str) -> str:
    return f"admin@{slug}.test"


async def provision(
    service: RunningService | Fleet, slug: str, *, admin_email: str = ""
) -> WorkflowHandle[Any, ProvisionedTenant]:
    return await service.client.start_workflow(
        PROVISIONING_WORKFLOW,
        ProvisionTenant(slug, admin_email or admin_of(slug), "Acme"),
        id=provisioning_id(slug),
        result_type=ProvisionedTenant,
        **service.router.tenant(slug).options(),
    )


async def delete(
    service: RunningService | Fleet, slug: str, *, retention: timedelta
) -> WorkflowHandle[Any, DeletedTenant]:
    return await service.client.start_workflow(
        DELETION_WORKFLOW,
        DeleteTenant(slug, retention),
        id=deletion_id(slug),
        result_type=DeletedTenant,
        **service.router.tenant(slug).options(),
    )


async def onboard(
    service: RunningService | Fleet,
    slug: str,
    email: str,
    *,
    remind_after: timedelta = timedelta(hours=1),
    expire_after: timedelta = timedelta(hours=2),
) -> WorkflowHandle[Any, OnboardedUser]:
    return await service.client.start_workflow(
        ONBOARDING_WORKFLOW,
        OnboardUser(slug, email, "Jo", remind_after=remind_after, expire_after=expire_after),
        id=onboarding_id(slug, email),
        result_type=OnboardedUser,
        **service.router.tenant(slug).options(),
    )


async def clean_up(
    service: RunningService | Fleet, request: CleanUpTokens, *, name: str
) -> WorkflowHandle[Any, CleanedUpTokens]:
    return await service.client.start_workflow(
        CLEANUP_WORKFLOW,
        request,
        id=cleanup_id(name),
        result_type=CleanedUpTokens,
        **service.router.job().options(),
    )
