"""Clean-up of expired tokens and invites."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy, VersioningBehavior
from temporalio.workflow import ActivityConfig

from tenant_catalog.contracts.cleanup import (
    CLEANUP_WORKFLOW,
    CleanedUpTokens,
    CleanUpTokens,
    ExpiringTable,
    Position,
)

with workflow.unsafe.imports_passed_through():
    from worker_jobs.activities.cleanup import CleanupActivities, DeleteExpired

# Another run is due soon and finds what this one leaves, so it gives up after a quarter of an hour.
_OPTIONS: Final = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=5),
    schedule_to_close_timeout=timedelta(minutes=15),
    heartbeat_timeout=timedelta(seconds=15),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30)
    ),
)


# Minutes long: it ends on the version that it began on.
@workflow.defn(name=CLEANUP_WORKFLOW, versioning_behavior=VersioningBehavior.PINNED)
class TokenCleanupWorkflow:
    """Deletes what had expired when it started, table by table, and counts it."""

    @workflow.run
    async def run(self, request: CleanUpTokens) -> CleanedUpTokens:
        # Fixed here: a later clock would let the clean-up run after rows that go on expiring.
        cutoff = request.cutoff or workflow.now()
        # The first run of a chain of continued ones: the counts go on under the same id.
        cleanup_id = workflow.info().first_execution_run_id
        position: Position | None = request.position or Position(next(iter(ExpiringTable)))
        activities = 0
        while position is not None:
            if activities >= request.activities_per_run or (
                workflow.info().is_continue_as_new_suggested()
            ):
                workflow.continue_as_new(replace(request, cutoff=cutoff, position=position))
            position = await self._delete(cleanup_id, cutoff, request.batch_size, position)
            activities += 1
        deleted = await workflow.execute_activity_method(
            CleanupActivities.count_deleted, cleanup_id, **_OPTIONS
        )
        await workflow.execute_activity_method(
            CleanupActivities.forget_counts, cleanup_id, **_OPTIONS
        )
        return CleanedUpTokens(cutoff, deleted)

    async def _delete(
        self, cleanup_id: str, cutoff: datetime, batch_size: int, position: Position
    ) -> Position | None:
        """One activity; gives where to go on, `None` at the end."""
        done = await workflow.execute_activity_method(
            CleanupActivities.delete_expired,
            DeleteExpired(cleanup_id, position.table, cutoff, batch_size, position.cursor),
            **_OPTIONS,
        )
        if not done.exhausted:
            return Position(position.table, done.cursor)
        tables = list(ExpiringTable)
        following = tables[tables.index(position.table) + 1 :]
        return Position(following[0]) if following else None
