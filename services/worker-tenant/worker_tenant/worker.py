"""The workload `tenant`: what it runs, and how it is tuned."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporal_common.backoff import until_available
from temporal_common.queues import TENANT
from temporal_common.tenant_limit import TenantLimiter
from temporal_common.tuning import Tuning
from temporal_common.worker import Activities, Startup, WorkerSpec
from tenant_catalog.database import open_database
from tenant_catalog.leases import open_tenant_leases
from tenant_catalog.mails import Outbox
from tenant_catalog.migrations.apply import migrate_catalog
from tenant_catalog.tenants import TenantCatalog
from tenant_catalog.users import UserCatalog
from worker_tenant.activities.deletion import DeletionActivities
from worker_tenant.activities.mails import MailActivities
from worker_tenant.activities.onboarding import OnboardingActivities
from worker_tenant.activities.provisioning import ProvisioningActivities
from worker_tenant.mailer import Mailer
from worker_tenant.settings import TenantSettings, load_settings
from worker_tenant.workflows.deletion import TenantDeletionWorkflow
from worker_tenant.workflows.onboarding import UserOnboardingWorkflow
from worker_tenant.workflows.provisioning import TenantProvisioningWorkflow


def pool_size(settings: TenantSettings) -> int | None:
    return settings.database.pool_size


@asynccontextmanager
async def activities(startup: Startup) -> AsyncIterator[Activities]:
    settings: TenantSettings = startup.settings
    async with open_database(
        settings.database,
        pool_size=startup.tuning.max_concurrent_activities,
        application_name="worker-tenant",
    ) as database:
        await until_available(lambda: migrate_catalog(database), waiting=startup.waiting)
        catalog = TenantCatalog(database, mail_domain=settings.mail.domain)
        provisioning = ProvisioningActivities(catalog)
        deletion = DeletionActivities(catalog)
        onboarding = OnboardingActivities(UserCatalog(database, mail_domain=settings.mail.domain))
        mails = MailActivities(Outbox(database), Mailer(settings.mail))
        yield [
            provisioning.reserve_tenant,
            provisioning.create_schema,
            provisioning.pending_migrations,
            provisioning.apply_migration,
            provisioning.create_admin,
            provisioning.apply_defaults,
            provisioning.activate_tenant,
            provisioning.take_back,
            provisioning.abandon_tenant,
            deletion.begin_deletion,
            deletion.restore_tenant,
            deletion.begin_purge,
            deletion.drop_tables,
            deletion.drop_schema,
            deletion.erase_records,
            onboarding.add_user,
            onboarding.issue_token,
            onboarding.activate_user,
            onboarding.expire_user,
            mails.send_mail,
        ]


@asynccontextmanager
async def tenant_limiter(startup: Startup, limit: int) -> AsyncIterator[TenantLimiter]:
    settings: TenantSettings = startup.settings
    async with open_tenant_leases(settings.database, workload="tenant", limit=limit) as leases:
        yield leases


WORKER = WorkerSpec(
    service="worker-tenant",
    workload="tenant",
    kind=TENANT,
    workflows=[TenantProvisioningWorkflow, TenantDeletionWorkflow, UserOnboardingWorkflow],
    settings=load_settings,
    pool_size=pool_size,
    activities=activities,
    tenant_limiter=tenant_limiter,
    tuning=Tuning(
        max_concurrent_activities=20,
        max_concurrent_workflow_tasks=20,
        graceful_shutdown_timeout=45,  # seconds; above the 30 s that one statement may take
    ),
    passed_through=["tenant_catalog"],
)
