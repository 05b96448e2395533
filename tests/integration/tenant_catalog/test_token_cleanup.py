import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from psycopg import sql

from tenant_catalog.cleanup import Batch, TokenCleanup
from tenant_catalog.contracts.cleanup import Cursor, ExpiringTable
from tenant_catalog.database import Database
from tenant_catalog.errors import DatabaseUnavailable
from tenant_catalog.tenants import TenantCatalog
from tests.support.tenants import CrashAfterCommit, reserved

CUTOFF = datetime(2026, 1, 1, tzinfo=UTC)
TOKENS = ExpiringTable.REFRESH_TOKENS


@pytest.fixture
async def fill(catalog: TenantCatalog, database: Database) -> "Fill":
    ref = await reserved(catalog)
    await catalog.create_admin(ref, "ada@acme.test", UUID(int=7))
    return Fill(database, ref.tenant_id)


class Fill:
    """Makes rows: expired ones, a second apart, before the cutoff, and live ones after it."""

    def __init__(self, database: Database, tenant_id: UUID) -> None:
        self._database = database
        self._tenant_id = tenant_id

    async def __call__(self, *, expired: int, live: int = 0, table: ExpiringTable = TOKENS) -> None:
        columns, values = {
            ExpiringTable.REFRESH_TOKENS: ("user_id", "%(user)s"),
            ExpiringTable.EMAIL_VERIFICATION_TOKENS: (
                "user_id, idempotency_key",
                "%(user)s, gen_random_uuid()",
            ),
            ExpiringTable.INVITES: ("email, role", "'bob@acme.test', 'member'"),
        }[table]
        async with self._database.transaction() as connection:
            await connection.execute(
                sql.SQL(
                    "INSERT INTO {} (tenant_id, token_digest, expires_at, {})"
                    " SELECT %(tenant)s, gen_random_uuid(),"
                    " %(cutoff)s - n * interval '1 second', {}"
                    " FROM generate_series(%(first)s::int, %(last)s) n WHERE n <> 0"
                ).format(
                    sql.Identifier("catalog", table.value),
                    sql.SQL(columns),
                    sql.SQL(values),
                ),
                {
                    "tenant": self._tenant_id,
                    "user": UUID(int=7),
                    "cutoff": CUTOFF,
                    "first": -live,
                    "last": expired,
                },
            )


async def _clean(
    cleanup: TokenCleanup, *, limit: int, cleanup_id: str = "run-1", table: ExpiringTable = TOKENS
) -> list[Batch]:
    """All batches of one clean-up of a table."""
    batches = [
        await cleanup.delete_expired_batch(
            table, cutoff=CUTOFF, after=None, limit=limit, cleanup_id=cleanup_id
        )
    ]
    while not batches[-1].exhausted:
        batches.append(
            await cleanup.delete_expired_batch(
                table, cutoff=CUTOFF, after=batches[-1].cursor, limit=limit, cleanup_id=cleanup_id
            )
        )
    return batches


async def _left(database: Database, table: ExpiringTable = TOKENS) -> tuple[int, int]:
    """Rows that had expired at the cutoff, and live ones."""
    async with database.transaction() as connection:
        rows = await connection.execute(
            sql.SQL(
                "SELECT count(*) FILTER (WHERE expires_at < {cutoff}),"
                " count(*) FILTER (WHERE expires_at >= {cutoff}) FROM {table}"
            ).format(cutoff=CUTOFF, table=sql.Identifier("catalog", table.value))
        )
        expired, live = await rows.fetchone() or (0, 0)
        return expired, live


@pytest.mark.parametrize("table", ExpiringTable)
async def test_exactly_the_expired_rows_of_a_table_go(
    table: ExpiringTable, fill: Fill, cleanup: TokenCleanup, database: Database
) -> None:
    await fill(expired=25, live=5, table=table)
    await _clean(cleanup, limit=10, table=table)
    assert await _left(database, table) == (0, 5)
    assert await cleanup.counts("run-1") == {
        **dict.fromkeys(ExpiringTable, 0),
        table: 25,
    }


async def test_a_row_that_expires_at_the_cutoff_itself_stays(
    fill: Fill, cleanup: TokenCleanup, database: Database
) -> None:
    await fill(expired=1)
    await cleanup.delete_expired_batch(
        TOKENS, cutoff=CUTOFF - timedelta(seconds=1), after=None, limit=10, cleanup_id="run-1"
    )
    assert await _left(database) == (1, 0)


async def test_batches_have_the_size_asked_for_and_the_last_one_says_so(
    fill: Fill, cleanup: TokenCleanup
) -> None:
    await fill(expired=25)
    batches = await _clean(cleanup, limit=10)
    assert [(batch.deleted, batch.exhausted) for batch in batches] == [
        (10, False),
        (10, False),
        (5, True),
    ]


async def test_the_oldest_go_first_and_the_cursor_is_the_last_of_them(
    fill: Fill, cleanup: TokenCleanup
) -> None:
    await fill(expired=25)
    batch = await cleanup.delete_expired_batch(
        TOKENS, cutoff=CUTOFF, after=None, limit=10, cleanup_id="run-1"
    )
    assert batch.cursor is not None
    assert batch.cursor.expires_at == CUTOFF - timedelta(seconds=16)


async def test_rows_that_expire_at_the_same_moment_are_told_apart(
    fill: Fill, cleanup: TokenCleanup, database: Database
) -> None:
    for _ in range(5):
        await fill(expired=1)
    await _clean(cleanup, limit=2)
    assert await _left(database) == (0, 0)


async def test_with_nothing_expired_the_cursor_stays_and_nothing_is_counted(
    fill: Fill, cleanup: TokenCleanup
) -> None:
    await fill(expired=0, live=3)
    after = Cursor(CUTOFF - timedelta(days=1), 4)
    batch = await cleanup.delete_expired_batch(
        TOKENS, cutoff=CUTOFF, after=after, limit=10, cleanup_id="run-1"
    )
    assert batch == Batch(0, after, exhausted=True)
    assert sum((await cleanup.counts("run-1")).values()) == 0


async def test_a_row_that_someone_has_locked_is_passed_over_and_not_waited_for(
    fill: Fill, cleanup: TokenCleanup, database: Database
) -> None:
    await fill(expired=25)
    async with database.transaction() as holder:
        await holder.execute(
            "SELECT FROM catalog.refresh_tokens ORDER BY expires_at LIMIT 3 FOR UPDATE"
        )
        await _clean(cleanup, limit=10)
        assert (await cleanup.counts("run-1"))[TOKENS] == 22
    assert await _left(database) == (3, 0)
    await _clean(cleanup, limit=10)
    assert (await cleanup.counts("run-1"))[TOKENS] == 25


async def test_cleaners_at_once_delete_each_row_once_and_count_it_once(
    fill: Fill, cleanup: TokenCleanup, database: Database
) -> None:
    await fill(expired=1000, live=50)
    runs = [f"run-{number}" for number in range(4)]
    await asyncio.gather(*(_clean(cleanup, limit=37, cleanup_id=run) for run in runs))
    # Who passes over a batch of another may end before that one commits.
    await _clean(cleanup, limit=37, cleanup_id="run-0")
    assert await _left(database) == (0, 50)
    assert sum([(await cleanup.counts(run))[TOKENS] for run in runs]) == 1000


async def test_a_batch_whose_answer_was_lost_is_counted_once(
    fill: Fill, cleanup: TokenCleanup, database: Database
) -> None:
    await fill(expired=25)
    with pytest.raises(DatabaseUnavailable):
        await TokenCleanup(CrashAfterCommit(database)).delete_expired_batch(
            TOKENS, cutoff=CUTOFF, after=None, limit=10, cleanup_id="run-1"
        )
    await _clean(cleanup, limit=10)
    assert (await cleanup.counts("run-1"))[TOKENS] == 25


async def test_counts_are_forgotten_when_they_have_been_reported(
    fill: Fill, cleanup: TokenCleanup
) -> None:
    await fill(expired=5)
    await _clean(cleanup, limit=10)
    for _ in range(2):
        await cleanup.forget("run-1")
        assert (await cleanup.counts("run-1"))[TOKENS] == 0


async def test_counts_that_nobody_came_for_go_after_a_month(
    fill: Fill, cleanup: TokenCleanup, database: Database
) -> None:
    await fill(expired=5)
    await _clean(cleanup, limit=10, cleanup_id="lost")
    async with database.transaction() as connection:
        await connection.execute(
            "UPDATE catalog.cleanup_counts SET updated_at = now() - interval '31 days'"
        )
    await cleanup.forget("run-1")
    assert (await cleanup.counts("lost"))[TOKENS] == 0


async def test_a_batch_walks_the_index_on_expiry(fill: Fill, database: Database) -> None:
    await fill(expired=5000, live=5000)
    async with database.transaction() as connection:
        await connection.execute("ANALYZE catalog.refresh_tokens")
        plan = await connection.execute(
            "EXPLAIN SELECT id FROM catalog.refresh_tokens WHERE expires_at < %s"
            " AND (expires_at, id) > (%s, 1) ORDER BY expires_at, id LIMIT 100 FOR UPDATE",
            [CUTOFF, CUTOFF - timedelta(hours=1)],
        )
        text = "\n".join(line for (line,) in await plan.fetchall())
    assert "refresh_tokens_expiry" in text
    assert "Sort" not in text
