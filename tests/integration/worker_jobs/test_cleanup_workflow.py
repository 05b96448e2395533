"""TokenCleanupWorkflow on real servers: exactly what has expired goes, and is counted exactly."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from psycopg import sql
from temporalio.client import (
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleOverlapPolicy,
    WorkflowHandle,
)
from temporalio.testing import ActivityEnvironment

from temporal_common.testing import RunningService
from tenant_catalog.cleanup import TokenCleanup
from tenant_catalog.contracts.cleanup import (
    CLEANUP_WORKFLOW,
    CleanedUpTokens,
    CleanUpTokens,
    ExpiringTable,
)
from tenant_catalog.database import Database
from tests.support.histories import runs_of
from tests.support.holding import until
from tests.support.inspecting import rows
from tests.support.starts import clean_up
from worker_jobs.activities.cleanup import CleanupActivities, DeleteExpired

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
NEVER = datetime(2099, 1, 1, tzinfo=UTC)
TOKENS, VERIFICATIONS, INVITES = ExpiringTable
NOTHING = dict.fromkeys(ExpiringTable, 0)


async def insert(
    database: Database, numbers: Mapping[ExpiringTable, int], *, expires_at: datetime
) -> None:
    """So many rows in each table, a second apart, the last of which expires at `expires_at`."""
    tenant_id, user_id = uuid4(), uuid4()
    columns = {
        TOKENS: "tenant_id, user_id, token_digest",
        VERIFICATIONS: "tenant_id, user_id, token_digest, idempotency_key",
        INVITES: "tenant_id, invited_by, token_digest, email, role",
    }
    values = {
        TOKENS: "%(tenant)s, %(user)s, %(mark)s || n",
        VERIFICATIONS: "%(tenant)s, %(user)s, %(mark)s || n, %(mark)s || n",
        INVITES: "%(tenant)s, %(user)s, %(mark)s || n, 'jo@acme.test', 'member'",
    }
    given = {"tenant": tenant_id, "user": user_id, "mark": f"{uuid4()}-", "last": expires_at}
    async with database.transaction() as connection:
        # Tokens want a tenant and a user; what these are like does not matter here.
        await connection.execute("SET LOCAL session_replication_role = replica")
        for table, number in numbers.items():
            await connection.execute(
                sql.SQL(
                    f"INSERT INTO {{}} ({columns[table]}, expires_at)"  # noqa: S608
                    f" SELECT {values[table]}, %(last)s - n * interval '1 second'"
                    " FROM generate_series(0, %(number)s - 1) n"
                ).format(sql.Identifier("catalog", table)),
                {**given, "number": number},
            )


async def counted(database: Database) -> dict[ExpiringTable, int]:
    found = {}
    for table in ExpiringTable:
        name = sql.Identifier("catalog", table)
        async with database.transaction() as connection:
            found[table] = (
                await connection.execute(sql.SQL("SELECT FROM {}").format(name))
            ).rowcount
    return found


async def test_3000_expired_rows_go_in_several_runs_and_300_live_ones_stay(
    jobs_service: RunningService, database: Database
) -> None:
    expired = {TOKENS: 1_800, VERIFICATIONS: 900, INVITES: 300}
    live = {TOKENS: 150, VERIFICATIONS: 100, INVITES: 50}
    await insert(database, expired, expires_at=LONG_AGO)
    await insert(database, live, expires_at=NEVER)

    handle = await clean_up(
        jobs_service, CleanUpTokens(batch_size=20, activities_per_run=2), name=uuid4().hex
    )
    result = await handle.result()

    assert result.deleted == expired
    assert await counted(database) == live
    for table in ExpiringTable:
        name = sql.Identifier("catalog", table)
        query = sql.SQL("SELECT FROM {} WHERE expires_at < now()").format(name)
        async with database.transaction() as connection:
            assert (await connection.execute(query)).rowcount == 0
    # 400 rows an activity, so 5 + 3 + 1 activities, two to a run.
    assert len(await runs_of(jobs_service.client, handle)) == 5
    assert await rows(database, "SELECT FROM catalog.cleanup_counts") == []


async def test_an_empty_database_is_clean_in_one_run(
    jobs_service: RunningService, database: Database
) -> None:
    handle = await clean_up(jobs_service, CleanUpTokens(), name=uuid4().hex)
    assert (await handle.result()).deleted == NOTHING
    assert await counted(database) == NOTHING


async def test_the_cutoff_decides_what_has_expired(
    jobs_service: RunningService, database: Database
) -> None:
    await insert(database, {INVITES: 10}, expires_at=LONG_AGO)  # one each second before that
    request = CleanUpTokens(cutoff=LONG_AGO - timedelta(seconds=3))
    result = await (await clean_up(jobs_service, request, name=uuid4().hex)).result()
    assert result == CleanedUpTokens(request.cutoff, {**NOTHING, INVITES: 6})  # type: ignore[arg-type]
    assert (await counted(database))[INVITES] == 4


async def test_a_token_that_somebody_uses_now_is_passed_over(
    jobs_service: RunningService, database: Database
) -> None:
    await insert(database, {TOKENS: 10}, expires_at=LONG_AGO)
    async with database.transaction() as session:
        await session.execute("SELECT FROM catalog.refresh_tokens LIMIT 1 FOR UPDATE")
        handle = await clean_up(jobs_service, CleanUpTokens(batch_size=3), name=uuid4().hex)
        assert (await handle.result()).deleted == {**NOTHING, TOKENS: 9}
    assert (await counted(database))[TOKENS] == 1


async def test_a_draining_worker_stops_after_the_batch_it_is_in(database: Database) -> None:
    await insert(database, {TOKENS: 10}, expires_at=LONG_AGO)
    activities = CleanupActivities(TokenCleanup(database))
    draining = ActivityEnvironment()
    draining.worker_shutdown()
    done = await draining.run(
        activities.delete_expired,
        DeleteExpired("cleanup", TOKENS, NEVER, batch_size=3, after=None),
    )
    assert not done.exhausted
    assert (await counted(database))[TOKENS] == 7

    rest = await ActivityEnvironment().run(
        activities.delete_expired,
        DeleteExpired("cleanup", TOKENS, NEVER, batch_size=3, after=done.cursor),
    )
    assert rest.exhausted
    assert await activities.count_deleted("cleanup") == {**NOTHING, TOKENS: 10}


async def test_the_service_brings_its_schedule_along(jobs_service: RunningService) -> None:
    prefix = jobs_service.router.layout.prefix
    schedule = (
        await jobs_service.client.get_schedule_handle(f"{prefix}.token-cleanup").describe()
    ).schedule
    assert isinstance(schedule.action, ScheduleActionStartWorkflow)
    assert schedule.action.workflow == CLEANUP_WORKFLOW
    assert schedule.action.task_queue == jobs_service.router.job().task_queue
    assert schedule.policy.overlap is ScheduleOverlapPolicy.SKIP
    assert schedule.policy.catchup_window == timedelta(hours=1)


async def test_a_scheduled_clean_up_deletes_what_has_expired(
    jobs_service: RunningService, database: Database
) -> None:
    await insert(database, {TOKENS: 10}, expires_at=LONG_AGO)
    await insert(database, {TOKENS: 5}, expires_at=NEVER)
    prefix = jobs_service.router.layout.prefix
    schedule = jobs_service.client.get_schedule_handle(f"{prefix}.token-cleanup")
    await schedule.trigger()

    async def started() -> bool:
        return bool((await schedule.describe()).info.recent_actions)

    await until(started)
    [action] = (await schedule.describe()).info.recent_actions
    assert isinstance(action.action, ScheduleActionExecutionStartWorkflow)
    run: WorkflowHandle[object, CleanedUpTokens] = jobs_service.client.get_workflow_handle(
        action.action.workflow_id, result_type=CleanedUpTokens
    )
    assert (await run.result()).deleted == {**NOTHING, TOKENS: 10}
    assert (await counted(database))[TOKENS] == 5


@pytest.mark.parametrize("batch_size", [1, 7, 10, 11])
async def test_no_batch_size_forgets_a_row(
    jobs_service: RunningService, database: Database, batch_size: int
) -> None:
    await insert(database, {TOKENS: 10, INVITES: 10}, expires_at=LONG_AGO)
    request = CleanUpTokens(batch_size=batch_size)
    result = await (await clean_up(jobs_service, request, name=uuid4().hex)).result()
    assert result.deleted == {TOKENS: 10, VERIFICATIONS: 0, INVITES: 10}
    assert await counted(database) == NOTHING
