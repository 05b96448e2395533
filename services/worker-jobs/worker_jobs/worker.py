"""The workload `jobs`: what it runs, and how it is tuned."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from temporal_common.backoff import until_available
from temporal_common.queues import JOBS
from temporal_common.routing import Router
from temporal_common.schedules import ScheduleDefinition
from temporal_common.tenant_limit import TenantLimiter
from temporal_common.tuning import Tuning
from temporal_common.worker import Activities, Startup, WorkerSpec
from tenant_catalog.cleanup import TokenCleanup
from tenant_catalog.contracts.cleanup import CLEANUP_WORKFLOW, CleanUpTokens, cleanup_id
from tenant_catalog.database import open_database
from tenant_catalog.leases import open_tenant_leases
from tenant_catalog.migrations.apply import migrate_catalog
from worker_jobs.activities.cleanup import CleanupActivities
from worker_jobs.settings import JobsSettings, load_settings
from worker_jobs.workflows.cleanup import TokenCleanupWorkflow


def pool_size(settings: JobsSettings) -> int | None:
    return settings.database.pool_size


@asynccontextmanager
async def activities(startup: Startup) -> AsyncIterator[Activities]:
    settings: JobsSettings = startup.settings
    async with open_database(
        settings.database,
        pool_size=startup.tuning.max_concurrent_activities,
        application_name="worker-jobs",
    ) as database:
        await until_available(lambda: migrate_catalog(database), waiting=startup.waiting)
        cleanup = CleanupActivities(TokenCleanup(database))
        yield [cleanup.delete_expired, cleanup.count_deleted, cleanup.forget_counts]


def schedules(settings: JobsSettings, router: Router) -> Sequence[ScheduleDefinition]:
    return [
        ScheduleDefinition(
            schedule_id=f"{router.layout.prefix}.token-cleanup",
            workflow=CLEANUP_WORKFLOW,
            workflow_id=cleanup_id("scheduled"),
            argument=CleanUpTokens(batch_size=settings.cleanup.batch_size),
            cron=settings.cleanup.cron,
            cron_setting="TOKEN_CLEANUP_CRON",
            route=router.job(),
            catchup_window=timedelta(hours=1),
        )
    ]


@asynccontextmanager
async def tenant_limiter(startup: Startup, limit: int) -> AsyncIterator[TenantLimiter]:
    settings: JobsSettings = startup.settings
    async with open_tenant_leases(settings.database, workload="jobs", limit=limit) as leases:
        yield leases


WORKER = WorkerSpec(
    service="worker-jobs",
    workload="jobs",
    kind=JOBS,
    workflows=[TokenCleanupWorkflow],
    settings=load_settings,
    pool_size=pool_size,
    activities=activities,
    tenant_limiter=tenant_limiter,
    schedules=schedules,
    tuning=Tuning(
        max_concurrent_activities=50,
        max_concurrent_workflow_tasks=50,
        graceful_shutdown_timeout=20,  # seconds; an activity stops after the batch it is in
    ),
    passed_through=["tenant_catalog"],
)
