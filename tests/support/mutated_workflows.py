"""Edits of the workflows that break runs under way, each as a careless release would make it.

A module of its own, because the sandbox loads a workflow by the name of its module.
"""

from datetime import datetime, timedelta

from temporalio import workflow

from tenant_catalog.contracts.cleanup import (
    CLEANUP_WORKFLOW,
    CleanedUpTokens,
    CleanUpTokens,
    Position,
)
from tenant_catalog.contracts.tenants import (
    DELETION_WORKFLOW,
    PROVISIONING_WORKFLOW,
    DeletedTenant,
    DeleteTenant,
    DeletionOutcome,
    ProvisionedTenant,
    ProvisionTenant,
    TenantRef,
)
from tenant_catalog.contracts.users import ONBOARDING_WORKFLOW, OnboardedUser, OnboardUser
from worker_jobs.workflows.cleanup import TokenCleanupWorkflow
from worker_tenant.workflows.deletion import TenantDeletionWorkflow
from worker_tenant.workflows.dropping import drop_schema
from worker_tenant.workflows.onboarding import UserOnboardingWorkflow
from worker_tenant.workflows.options import PERSISTENT, STEP
from worker_tenant.workflows.provisioning import TenantProvisioningWorkflow

with workflow.unsafe.imports_passed_through():
    from worker_tenant.activities.deletion import DeletionActivities
    from worker_tenant.activities.provisioning import ProvisioningActivities


@workflow.defn(name=PROVISIONING_WORKFLOW)
class UnchangedProvisioning(TenantProvisioningWorkflow):
    """Only another class: replays, so that it is the edits below that fail to."""

    @workflow.run
    async def run(self, request: ProvisionTenant) -> ProvisionedTenant:
        return await super().run(request)


@workflow.defn(name=PROVISIONING_WORKFLOW)
class AddedStep(TenantProvisioningWorkflow):
    @workflow.run
    async def run(self, request: ProvisionTenant) -> ProvisionedTenant:
        return await super().run(request)

    async def _migrate(self, tenant: TenantRef) -> None:
        await super()._migrate(tenant)
        await workflow.execute_activity_method(
            ProvisioningActivities.pending_migrations, tenant, **STEP
        )


@workflow.defn(name=DELETION_WORKFLOW)
class SwappedSteps(TenantDeletionWorkflow):
    @workflow.run
    async def run(self, request: DeleteTenant) -> DeletedTenant:
        return await super().run(request)

    async def _purge(self, tenant: TenantRef) -> DeletedTenant:
        for step in (DeletionActivities.begin_purge, DeletionActivities.erase_records):
            await workflow.execute_activity_method(step, tenant, **PERSISTENT)
        dropped = await drop_schema(tenant, lambda _dropped: None)
        return DeletedTenant(tenant, DeletionOutcome.DELETED, dropped)


@workflow.defn(name=ONBOARDING_WORKFLOW)
class LeftOutStep(UserOnboardingWorkflow):
    @workflow.run
    async def run(self, request: OnboardUser) -> OnboardedUser:
        return await super().run(request)

    async def _send(self, mail: str) -> None:
        """Sends nothing."""


@workflow.defn(name=CLEANUP_WORKFLOW)
class AddedTimer(TokenCleanupWorkflow):
    @workflow.run
    async def run(self, request: CleanUpTokens) -> CleanedUpTokens:
        return await super().run(request)

    async def _delete(
        self, cleanup_id: str, cutoff: datetime, batch_size: int, position: Position
    ) -> Position | None:
        await workflow.sleep(timedelta(seconds=1))
        return await super()._delete(cleanup_id, cutoff, batch_size, position)
