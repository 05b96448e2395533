"""The pool, and the one way to a transaction."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from math import ceil
from typing import Any, Final, Self, TypeAlias

import psycopg
from psycopg import AsyncConnection, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from tenant_catalog.errors import DatabaseUnavailable
from tenant_catalog.postgres_errors import translate
from tenant_catalog.settings import DatabaseSettings
from tenant_catalog.sql_spans import TracedConnection

IDLE_IN_TRANSACTION_TIMEOUT: Final = 60
"""Seconds after which Postgres ends a transaction whose client does nothing: a frozen process must
not hold its locks for ever. Longer than a mail server may take, since a mail is sent inside one."""

# A server that vanished without a word is noticed after 15 + 3 × 5 seconds in place of two hours.
_KEEPALIVES: Final = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3}

Connection: TypeAlias = AsyncConnection[tuple[Any, ...]]


def tenant_lock(slug: str) -> str:
    """The advisory lock of a tenant: everything that changes a tenant holds it."""
    return f"tenant/{slug}"


class Database:
    """One Postgres database and the pool of connections to it."""

    def __init__(
        self, settings: DatabaseSettings, *, pool_size: int, application_name: str
    ) -> None:
        """`pool_size`: most connections at once, unless the settings say otherwise."""
        url = conninfo_to_dict(settings.url.get_secret_value())
        defaults: dict[str, Any] = {"application_name": application_name, **_KEEPALIVES}
        conninfo = make_conninfo(**{**defaults, **url})
        host, port = url.get("host", "localhost"), url.get("port", 5432)
        self.address = f"{host}:{port}/{url.get('dbname') or url.get('user', '')}"
        """Where it is, without user and password: host:port/database."""
        self._begin = sql.SQL(
            "BEGIN; SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {};"
            " SET LOCAL idle_in_transaction_session_timeout = {}"
        ).format(
            *(
                round(seconds * 1000)
                for seconds in (
                    settings.lock_timeout,
                    settings.statement_timeout,
                    IDLE_IN_TRANSACTION_TIMEOUT,
                )
            )
        )
        self._connect_failure: psycopg.Error | None = None
        self._size = settings.pool_size or pool_size
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            conninfo,
            connection_class=_ReportingConnection,
            kwargs={
                "report": self._note_connect,
                # BEGIN and COMMIT are ours: settings and lock travel with BEGIN in one message.
                "autocommit": True,
                "connect_timeout": ceil(settings.connect_timeout),
                # No prepared statements: PgBouncer in transaction mode, and nothing here is hot.
                "prepare_threshold": None,
            },
            # No connection until one is wanted: a worker starts while Postgres is away.
            min_size=0,
            max_size=self._size,
            timeout=settings.connect_timeout,
            # Not the default of 5 minutes, at whose end the pool pauses for minutes between
            # attempts: a Postgres that is back is used within one connect_timeout.
            reconnect_timeout=settings.connect_timeout,
            name=application_name,
            open=False,
        )

    @asynccontextmanager
    async def transaction(self, lock: str | None = None) -> AsyncIterator[Connection]:
        """One transaction: committed when the block ends, rolled back when it raises.

        `lock` names a transaction advisory lock to hold, such as `tenant_lock(slug)`. Locks,
        statements and idle time are limited by the settings, for this transaction only.

        Raises:
            DatabaseUnavailable: worth another attempt; after a lost COMMIT the work may be done.
            DatabaseRefused: not worth one.
        """
        try:
            connection = await self._checkout(lock)
            try:
                try:
                    yield connection
                except BaseException:
                    with suppress(psycopg.Error):
                        await connection.rollback()
                    raise
                await connection.commit()
            finally:
                await self._pool.putconn(connection)
        except PoolTimeout as error:
            if self._connect_failure is not None:
                raise translate(self._connect_failure, self.address) from error
            raise DatabaseUnavailable(
                f"Postgres at {self.address}: {self._pool.timeout:g} s passed without a free "
                f"connection; it does not answer, or DATABASE_POOL_SIZE ({self._size}) is too small"
            ) from error
        except psycopg.Error as error:
            # The cause would carry its DETAIL, with values of rows, into Temporal's history.
            cause = None if error.diag.message_detail else error
            raise translate(error, self.address) from cause

    async def ping(self) -> None:
        """Return if Postgres answers.

        Raises:
            DatabaseUnavailable: it does not, within `connect_timeout`.
        """
        async with self.transaction() as connection:
            await connection.execute("SELECT 1")

    async def open(self) -> None:
        await self._pool.open(wait=False)

    async def close(self) -> None:
        await self._pool.close()

    async def _checkout(self, lock: str | None) -> Connection:
        """A connection with a transaction begun on it.

        A connection that died in the pool (Postgres restarted) shows here, where nothing is done
        yet, so another is taken. In this place and not by the pool's own check: that costs a round
        trip each time, and waits 1, 2, 4 … seconds after each dead one.
        """
        begin = self._begin
        if lock is not None:
            begin += sql.SQL("; SELECT pg_advisory_xact_lock(hashtextextended({}, 0))").format(lock)
        dead = 0
        while True:
            connection = await self._pool.getconn()
            try:
                await connection.execute(begin)
            except BaseException as error:
                await self._pool.putconn(connection)
                if connection.broken and isinstance(error, psycopg.Error) and dead < self._size:
                    dead += 1
                    continue
                raise
            return connection

    def _note_connect(self, failure: psycopg.Error | None) -> None:
        self._connect_failure = failure


@asynccontextmanager
async def open_database(
    settings: DatabaseSettings, *, pool_size: int, application_name: str
) -> AsyncIterator[Database]:
    """A database whose pool is open until the block ends. Does not wait for the server.

    `pool_size`: most connections at once, unless `DATABASE_POOL_SIZE` says otherwise; a worker
    gives its number of activities, so that none of them waits for another's connection.
    `application_name` is what `pg_stat_activity` shows.
    """
    database = Database(settings, pool_size=pool_size, application_name=application_name)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


class _ReportingConnection(TracedConnection):
    """Tells why a connection could not be made; the pool only logs that."""

    @classmethod
    async def connect(cls, conninfo: str = "", **kwargs: Any) -> Self:
        report: Callable[[psycopg.Error | None], None] = kwargs.pop("report")
        try:
            connection = await super().connect(conninfo, **kwargs)
        except psycopg.Error as error:
            report(error)
            raise
        report(None)
        return connection
