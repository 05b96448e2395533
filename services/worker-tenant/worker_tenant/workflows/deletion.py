"""Deletion of a tenant: softly at once, for good when its retention has passed."""

import asyncio
from datetime import datetime

from temporalio import workflow
from temporalio.common import VersioningBehavior
from temporalio.exceptions import ApplicationError

from tenant_catalog.contracts.steps import Progress
from tenant_catalog.contracts.tenants import (
    DELETION_QUERY,
    DELETION_WORKFLOW,
    PROGRESS_QUERY,
    RESTORE_UPDATE,
    DeletedTenant,
    DeleteTenant,
    DeletionOutcome,
    DeletionStatus,
    TenantRef,
    TenantState,
)
from worker_tenant.workflows.dropping import drop_schema
from worker_tenant.workflows.options import PERSISTENT, STEP
from worker_tenant.workflows.steps import StepLog
from worker_tenant.workflows.uncancelled import to_the_end

with workflow.unsafe.imports_passed_through():
    from worker_tenant.activities.deletion import BeginDeletion, DeletionActivities, Restore

SOFT_DELETE = "soft delete"
RETENTION = "retention"
TABLES = "tables"
RECORDS = "records"


# Its retention would keep old workers for a month: it moves on, and changes of it need
# `workflow.patched`.
@workflow.defn(name=DELETION_WORKFLOW, versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class TenantDeletionWorkflow:
    """soft delete → retention → tables in batches, schema → memberships and tokens → tombstone.

    Until the retention ends, the update `restore` takes the deletion back; so does a cancellation.
    Afterwards both are too late, and the deletion goes on to its end.
    """

    def __init__(self) -> None:
        self._steps = StepLog(SOFT_DELETE, RETENTION, TABLES, RECORDS)
        self._state = TenantState.DELETING
        self._purge_at: datetime | None = None
        self._restore_requested = False

    @workflow.run
    async def run(self, request: DeleteTenant) -> DeletedTenant:
        self._purge_at = workflow.now() + request.retention
        with self._steps.step(SOFT_DELETE):
            begun = await to_the_end(
                workflow.execute_activity_method(
                    DeletionActivities.begin_deletion,
                    BeginDeletion(request.slug, self._purge_at, workflow.info().run_id),
                    **STEP,
                )
            )
        if begun.state is TenantState.DELETING:
            with self._steps.step(RETENTION):
                restored = await self._restored_before_retention_ends(request)
            if restored:
                return await to_the_end(self._restore(begun.tenant))
        # No await between the end of the retention and this: an update that arrives later finds
        # PURGING and is refused.
        self._state = TenantState.PURGING
        return await to_the_end(self._purge(begun.tenant))

    @workflow.query(name=PROGRESS_QUERY)
    def progress(self) -> Progress:
        return self._steps.progress()

    @workflow.query(name=DELETION_QUERY)
    def deletion(self) -> DeletionStatus:
        return DeletionStatus(self._state, self._purge_at)

    @workflow.update(name=RESTORE_UPDATE)
    async def restore(self) -> None:
        """Takes the deletion back; returns when the tenant is active again."""
        self._restore_requested = True
        await workflow.wait_condition(lambda: self._state is not TenantState.DELETING)
        if self._state is not TenantState.ACTIVE:
            raise ApplicationError(_TOO_LATE, type="TooLate", non_retryable=True)

    @restore.validator
    def restore_is_possible(self) -> None:
        if self._state is TenantState.PURGING or self._state is TenantState.DELETED:
            raise ApplicationError(_TOO_LATE, type="TooLate", non_retryable=True)

    async def _restored_before_retention_ends(self, request: DeleteTenant) -> bool:
        if workflow.cancellation_reason() is not None:  # it came during the soft delete
            return True
        try:
            await workflow.wait_condition(
                lambda: self._restore_requested,
                timeout=request.retention,
                timeout_summary=f"retention of {request.slug}",
            )
        except TimeoutError:
            return False
        except asyncio.CancelledError:
            return True
        return True

    async def _restore(self, tenant: TenantRef) -> DeletedTenant:
        tenant = await workflow.execute_activity_method(
            DeletionActivities.restore_tenant,
            Restore(tenant, workflow.info().run_id),
            **PERSISTENT,
        )
        self._state = TenantState.ACTIVE
        await workflow.wait_condition(workflow.all_handlers_finished)
        return DeletedTenant(tenant, DeletionOutcome.RESTORED)

    async def _purge(self, tenant: TenantRef) -> DeletedTenant:
        with self._steps.step(TABLES):
            await workflow.execute_activity_method(
                DeletionActivities.begin_purge, tenant, **PERSISTENT
            )
            dropped = await drop_schema(
                tenant, lambda count: self._steps.detail(TABLES, f"{count} dropped")
            )
        with self._steps.step(RECORDS):
            await workflow.execute_activity_method(
                DeletionActivities.erase_records, tenant, **PERSISTENT
            )
        self._state = TenantState.DELETED
        await workflow.wait_condition(workflow.all_handlers_finished)
        return DeletedTenant(tenant, DeletionOutcome.DELETED, dropped)


_TOO_LATE = "the retention has passed and the tenant's data is being dropped; it cannot be restored"
