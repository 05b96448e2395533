"""Activities of the token clean-up."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from temporalio import activity

from tenant_catalog.cleanup import TokenCleanup
from tenant_catalog.contracts.cleanup import Cursor, ExpiringTable

BATCHES_PER_ACTIVITY: Final = 20
"""A second or so of work: one that is handed over loses little, and the history stays short."""


@dataclass(frozen=True)
class DeleteExpired:
    cleanup_id: str
    """What the counts are kept under: the same for all activities of one clean-up."""
    table: ExpiringTable
    cutoff: datetime
    batch_size: int
    after: Cursor | None


@dataclass(frozen=True)
class DeletedExpired:
    cursor: Cursor | None
    exhausted: bool
    """Whether nothing expired is left behind the cursor."""


class CleanupActivities:
    def __init__(self, cleanup: TokenCleanup) -> None:
        self._cleanup = cleanup

    @activity.defn
    async def delete_expired(self, request: DeleteExpired) -> DeletedExpired:
        """Deletes batch after batch, each in a transaction of its own.

        Stops early when the worker drains: what is left is the next activity's. Run again after a
        crash, it goes on from the table: what was deleted is gone and was counted when it went.
        """
        cursor = request.after
        for batch in range(BATCHES_PER_ACTIVITY):
            deleted = await self._cleanup.delete_expired_batch(
                request.table,
                cutoff=request.cutoff,
                after=cursor,
                limit=request.batch_size,
                cleanup_id=request.cleanup_id,
            )
            cursor = deleted.cursor or cursor
            if deleted.exhausted:
                return DeletedExpired(cursor, exhausted=True)
            activity.heartbeat(batch + 1)
            if activity.is_worker_shutdown():
                break
        return DeletedExpired(cursor, exhausted=False)

    @activity.defn
    async def count_deleted(self, cleanup_id: str) -> dict[ExpiringTable, int]:
        """What the clean-up has deleted from each table, in all its attempts."""
        return await self._cleanup.counts(cleanup_id)

    @activity.defn
    async def forget_counts(self, cleanup_id: str) -> None:
        """Removes the counts, once the workflow has them in its history."""
        await self._cleanup.forget(cleanup_id)
