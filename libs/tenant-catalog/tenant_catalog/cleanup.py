"""Removal of what has expired, in batches, with counts that stay exact whatever crashes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from psycopg import sql

from tenant_catalog.contracts.cleanup import Cursor, ExpiringTable
from tenant_catalog.database import Database

KEEP_COUNTS: Final = timedelta(days=30)
"""Counts of a clean-up that never came to its end are kept this long."""


@dataclass(frozen=True)
class Batch:
    deleted: int
    cursor: Cursor | None
    """Where the next batch starts; None if nothing has been deleted from the start."""
    exhausted: bool
    """No expired row is left after this batch, besides those that others had locked."""


class TokenCleanup:
    """All methods raise DatabaseUnavailable and DatabaseRefused."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def delete_expired_batch(
        self,
        table: ExpiringTable,
        *,
        cutoff: datetime,
        after: Cursor | None,
        limit: int,
        cleanup_id: str,
    ) -> Batch:
        """Delete up to `limit` rows that expired before `cutoff`, oldest first.

        Rows that someone else has locked are passed over, so cleaners do not wait for each other,
        nor for a session that is using its token. `after` is the cursor that the batch before
        returned: starting at the beginning each time would read over all the dead entries that the
        earlier batches left in the index.

        The number is added to the counts of `cleanup_id` in the same transaction.
        """
        name = sql.Identifier("catalog", table.value)
        start: sql.Composable = sql.SQL("TRUE")
        if after is not None:
            start = sql.SQL("(expires_at, id) > ({}, {})").format(after.expires_at, after.id)
        query = sql.SQL(
            "WITH expired AS MATERIALIZED ("
            "  SELECT id, expires_at FROM {table} WHERE expires_at < {cutoff} AND {start}"
            "  ORDER BY expires_at, id LIMIT {limit} FOR UPDATE SKIP LOCKED"
            "), gone AS ("
            "  DELETE FROM {table} t USING expired WHERE t.id = expired.id"
            "  RETURNING t.expires_at, t.id"
            ") SELECT expires_at, id, count(*) OVER () FROM gone"
            " ORDER BY expires_at DESC, id DESC LIMIT 1"
        ).format(table=name, cutoff=cutoff, start=start, limit=limit)
        async with self._database.transaction() as connection:
            last = await (await connection.execute(query)).fetchone()
            if last is None:
                return Batch(0, after, exhausted=True)
            expires_at, row_id, deleted = last
            await connection.execute(
                "INSERT INTO catalog.cleanup_counts AS known (cleanup_id, table_name, deleted)"
                " VALUES (%s, %s, %s) ON CONFLICT (cleanup_id, table_name) DO UPDATE"
                " SET deleted = known.deleted + EXCLUDED.deleted, updated_at = now()",
                [cleanup_id, table, deleted],
            )
            return Batch(deleted, Cursor(expires_at, row_id), exhausted=deleted < limit)

    async def counts(self, cleanup_id: str) -> dict[ExpiringTable, int]:
        """Rows that this clean-up has deleted so far, in all its attempts; every table is named."""
        async with self._database.transaction() as connection:
            rows = await connection.execute(
                "SELECT table_name, deleted FROM catalog.cleanup_counts WHERE cleanup_id = %s",
                [cleanup_id],
            )
            found = dict(await rows.fetchall())
        return {table: found.get(table.value, 0) for table in ExpiringTable}

    async def forget(self, cleanup_id: str) -> None:
        """Remove the counts of a clean-up that has reported them, and those nobody came for."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "DELETE FROM catalog.cleanup_counts"
                " WHERE cleanup_id = %s OR updated_at < now() - %s",
                [cleanup_id, KEEP_COUNTS],
            )
