"""Provisioning of a tenant: all of it, or none of it."""

import asyncio
from typing import Final
from uuid import UUID

from temporalio import workflow
from temporalio.common import VersioningBehavior
from temporalio.exceptions import ActivityError, is_cancelled_exception

from tenant_catalog.contracts.steps import Progress
from tenant_catalog.contracts.tenants import (
    PROGRESS_QUERY,
    PROVISIONING_WORKFLOW,
    ProvisionedTenant,
    ProvisionTenant,
    TenantRef,
)
from worker_tenant.workflows.dropping import drop_schema
from worker_tenant.workflows.options import MAIL, PERSISTENT, STEP
from worker_tenant.workflows.steps import StepLog, root_message
from worker_tenant.workflows.uncancelled import to_the_end

with workflow.unsafe.imports_passed_through():
    from worker_tenant.activities.mails import MailActivities
    from worker_tenant.activities.provisioning import (
        Abandon,
        ApplyMigration,
        CreateAdmin,
        ProvisioningActivities,
        Reserve,
        TakeBack,
    )

RESERVE: Final = "reserve"
SCHEMA: Final = "schema"
MIGRATIONS: Final = "migrations"
ADMIN: Final = "admin"
DEFAULTS: Final = "defaults"
ACTIVATE: Final = "activate"
WELCOME: Final = "welcome mail"


# Seconds long: it ends on the version that it began on.
@workflow.defn(name=PROVISIONING_WORKFLOW, versioning_behavior=VersioningBehavior.PINNED)
class TenantProvisioningWorkflow:
    """reserve → schema → migrations → admin → defaults → active → welcome mail.

    A step that fails for good, or a cancellation, takes back what this run has made, and the row
    says `failed` and why. From `active` on nothing is taken back: a mail server that is away is no
    reason to drop a tenant that works.
    """

    def __init__(self) -> None:
        self._steps = StepLog(RESERVE, SCHEMA, MIGRATIONS, ADMIN, DEFAULTS, ACTIVATE, WELCOME)

    @workflow.run
    async def run(self, request: ProvisionTenant) -> ProvisionedTenant:
        operation = workflow.info().run_id
        try:
            tenant, admin, welcome = await self._make(request, operation)
        except (ActivityError, asyncio.CancelledError) as error:
            # Also when the reservation failed: its transaction may have been committed and only the
            # answer lost.
            reason = "cancelled" if is_cancelled_exception(error) else root_message(error)
            await to_the_end(self._take_back(request.slug, operation, reason))
            raise
        return ProvisionedTenant(tenant, admin, await self._welcome(welcome))

    @workflow.query(name=PROGRESS_QUERY)
    def progress(self) -> Progress:
        return self._steps.progress()

    async def _make(self, request: ProvisionTenant, operation: str) -> tuple[TenantRef, UUID, str]:
        with self._steps.step(RESERVE):
            tenant = await workflow.execute_activity_method(
                ProvisioningActivities.reserve_tenant,
                Reserve(request.slug, request.display_name, workflow.uuid4(), operation),
                **STEP,
            )
        with self._steps.step(SCHEMA):
            await workflow.execute_activity_method(
                ProvisioningActivities.create_schema, tenant, **STEP
            )
        with self._steps.step(MIGRATIONS):
            await self._migrate(tenant)
        with self._steps.step(ADMIN):
            admin = await workflow.execute_activity_method(
                ProvisioningActivities.create_admin,
                CreateAdmin(tenant, request.admin_email, workflow.uuid4()),
                **STEP,
            )
        with self._steps.step(DEFAULTS):
            await workflow.execute_activity_method(
                ProvisioningActivities.apply_defaults, tenant, **STEP
            )
        with self._steps.step(ACTIVATE):
            # Neither given up nor cancelled once it runs: it may have been committed, and an active
            # tenant is not taken back.
            welcome = await to_the_end(
                workflow.execute_activity_method(
                    ProvisioningActivities.activate_tenant, tenant, **PERSISTENT
                )
            )
        return tenant, admin, welcome

    async def _migrate(self, tenant: TenantRef) -> None:
        pending = await workflow.execute_activity_method(
            ProvisioningActivities.pending_migrations, tenant, **STEP
        )
        for number, version in enumerate(pending, start=1):
            self._steps.detail(MIGRATIONS, f"{number} of {len(pending)}")
            await workflow.execute_activity_method(
                ProvisioningActivities.apply_migration, ApplyMigration(tenant, version), **STEP
            )

    async def _welcome(self, mail: str) -> str:
        try:
            with self._steps.step(WELCOME):
                await workflow.execute_activity_method(MailActivities.send_mail, mail, **MAIL)
        except ActivityError as error:
            return root_message(error)
        return "sent"

    async def _take_back(self, slug: str, operation: str, reason: str) -> None:
        tenant = await workflow.execute_activity_method(
            ProvisioningActivities.take_back, TakeBack(slug, operation), **PERSISTENT
        )
        if tenant is None:  # this run made nothing
            return
        await drop_schema(tenant, lambda _dropped: None)
        await workflow.execute_activity_method(
            ProvisioningActivities.abandon_tenant, Abandon(tenant, reason), **PERSISTENT
        )
        self._steps.undone()
