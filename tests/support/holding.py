"""Locks that a test holds in Postgres, so that an activity stands still where the test wants it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Final

import psycopg
from psycopg import AsyncConnection, sql

from tenant_catalog.database import tenant_lock

# Between two questions: Postgres gives no event when somebody begins to wait.
_AGAIN: Final = 0.01


async def until(condition: Callable[[], Awaitable[object]], *, within: float = 20) -> None:
    """Asks until the answer is true. Raises TimeoutError after `within` seconds."""
    async with asyncio.timeout(within):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(_AGAIN)


class Hold:
    """A lock that is held until it is released, or the block ends."""

    def __init__(self, holder: AsyncConnection[tuple[object, ...]], url: str) -> None:
        self._holder = holder
        self._url = url

    async def release(self) -> None:
        await self._holder.rollback()

    async def until_waited_for(self) -> None:
        """Until another session waits for what this one holds."""
        holder = self._holder.info.backend_pid
        async with await AsyncConnection.connect(self._url, autocommit=True) as connection:

            async def waited_for() -> bool:
                waiting = await connection.execute(
                    "SELECT FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))", [holder]
                )
                return waiting.rowcount > 0

            await until(waited_for)


def held_table(url: str, *name: str) -> AbstractAsyncContextManager[Hold]:
    """Nobody reads or changes this table."""
    return _holding(
        url, sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.Identifier(*name))
    )


def table_in_use(url: str, *name: str) -> AbstractAsyncContextManager[Hold]:
    """Somebody reads this table, so nobody can drop it."""
    return _holding(
        url, sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(sql.Identifier(*name))
    )


def held_tenant(url: str, slug: str) -> AbstractAsyncContextManager[Hold]:
    """Nobody gets to this tenant."""
    return _holding(
        url,
        sql.SQL("SELECT pg_advisory_xact_lock(hashtextextended({}, 0))").format(tenant_lock(slug)),
    )


@asynccontextmanager
async def _holding(url: str, statement: sql.Composed) -> AsyncIterator[Hold]:
    connection = await AsyncConnection.connect(url)
    try:
        await connection.execute(statement)
        yield Hold(connection, url)
    finally:
        with suppress(psycopg.OperationalError):  # the test has stopped the server
            await connection.rollback()
        await connection.close()
