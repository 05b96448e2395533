import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio

from dev_servers.ports import free_port
from dev_servers.postgres import EmbeddedPostgres, embedded_postgres
from tenant_catalog.database import Database, tenant_lock
from tenant_catalog.errors import DatabaseRefused, DatabaseUnavailable
from tests.support.postgres import opened


async def test_what_a_block_did_is_committed_at_its_end(database: Database) -> None:
    async with database.transaction() as connection:
        await _insert_user(connection, "ada@acme.test")
    assert await _count_users(database) == 1


async def test_what_a_block_did_is_rolled_back_when_it_raises(database: Database) -> None:
    async def insert_and_fail() -> None:
        async with database.transaction() as connection:
            await _insert_user(connection, "ada@acme.test")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await insert_and_fail()
    assert await _count_users(database) == 0


async def test_what_a_cancelled_block_did_is_rolled_back_and_its_connection_is_free_again(
    database_url: str,
) -> None:
    async with opened(database_url, pool_size=1) as database:
        inserted = asyncio.Event()

        async def work() -> None:
            async with database.transaction() as connection:
                await _insert_user(connection, "ada@acme.test")
                inserted.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(work())
        await inserted.wait()
        task.cancel()
        await asyncio.wait([task])
        assert await _count_users(database) == 0


async def test_limits_are_set_for_each_transaction_and_outlive_none(database_url: str) -> None:
    async with opened(
        database_url, pool_size=1, lock_timeout=1.5, statement_timeout=20
    ) as database:
        names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
        async with database.transaction() as connection:
            rows = await connection.execute(
                "SELECT setting FROM pg_settings WHERE name = ANY(%s) ORDER BY name", [list(names)]
            )
            assert [value for (value,) in await rows.fetchall()] == ["60000", "1500", "20000"]
        async with database.transaction() as connection:
            await connection.execute("ROLLBACK")
            rows = await connection.execute(
                "SELECT setting FROM pg_settings WHERE name = ANY(%s)", [list(names)]
            )
            assert {value for (value,) in await rows.fetchall()} == {"0"}


async def test_a_lock_keeps_others_out_until_the_commit(database_url: str) -> None:
    async with opened(database_url, lock_timeout=0.1) as database:
        async with database.transaction(tenant_lock("acme")):
            with pytest.raises(DatabaseUnavailable, match="55P03"):
                async with database.transaction(tenant_lock("acme")):
                    pass
            async with database.transaction(tenant_lock("globex")):
                pass
        async with database.transaction(tenant_lock("acme")):
            pass


async def test_a_lock_may_have_any_name(database: Database) -> None:
    async with database.transaction("it's; DROP SCHEMA catalog; --"):
        pass


async def test_a_statement_that_takes_too_long_is_worth_another_attempt(database_url: str) -> None:
    async with opened(database_url, statement_timeout=0.1) as database:
        with pytest.raises(DatabaseUnavailable, match=r"57014.*DATABASE_STATEMENT_TIMEOUT"):
            async with database.transaction() as connection:
                await connection.execute("SELECT pg_sleep(60)")


async def test_a_wrong_statement_is_not(database: Database) -> None:
    with pytest.raises(DatabaseRefused, match=r"syntax error.*42601"):
        async with database.transaction() as connection:
            await connection.execute("SELEKT 1")


async def test_an_error_names_the_database_and_quotes_no_row(database: Database) -> None:
    async def insert_twice() -> None:
        async with database.transaction() as connection:
            await _insert_user(connection, "ada@acme.test")
            await _insert_user(connection, "ada@acme.test")

    with pytest.raises(DatabaseUnavailable) as failure:
        await insert_twice()
    assert database.address in str(failure.value)
    assert "23505" in str(failure.value)
    # What Temporal would keep of it: the message, and that of each cause.
    assert "ada@acme.test" not in str(failure.value)
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__


async def test_when_all_connections_are_busy_the_line_names_the_setting(database_url: str) -> None:
    async with (
        opened(database_url, pool_size=1, connect_timeout=0.2) as database,
        database.transaction(),
    ):
        with pytest.raises(DatabaseUnavailable, match=r"DATABASE_POOL_SIZE \(1\)"):
            await database.ping()


async def test_a_server_that_is_away_is_one_line_without_the_password() -> None:
    port = free_port()
    url = f"postgresql://ada:hunter2@127.0.0.1:{port}/fleet"
    async with opened(url, connect_timeout=0.2) as database:
        with pytest.raises(DatabaseUnavailable) as failure:
            await database.ping()
    line = str(failure.value)
    assert line.startswith(f"Postgres at 127.0.0.1:{port}/fleet is not reachable: ")
    assert "refused" in line
    assert line.endswith("start it, or correct DATABASE_URL")
    assert "hunter2" not in line
    assert "\n" not in line


async def test_a_database_that_does_not_exist_is_named(postgres: EmbeddedPostgres) -> None:
    async with opened(postgres.url("nowhere"), connect_timeout=0.2) as database:
        with pytest.raises(DatabaseUnavailable, match='"nowhere" does not exist'):
            await database.ping()


async def test_a_pool_opened_while_the_server_was_away_works_once_it_is_there(
    restarted: EmbeddedPostgres,
) -> None:
    await restarted.stop()
    async with opened(restarted.url(), connect_timeout=0.2) as database:
        with pytest.raises(DatabaseUnavailable):
            await database.ping()
        await restarted.start()
        await database.ping()


async def test_a_restarted_server_costs_no_transaction_however_many_connections_died(
    restarted: EmbeddedPostgres,
) -> None:
    async with opened(restarted.url(), pool_size=4) as database:
        async with AsyncExitStack() as four_at_once:
            for _ in range(4):
                await four_at_once.enter_async_context(database.transaction())
        await restarted.stop()
        await restarted.start()
        await asyncio.gather(*(database.ping() for _ in range(4)))


async def test_a_server_that_dies_in_a_transaction_is_worth_another_attempt(
    restarted: EmbeddedPostgres,
) -> None:
    async def select_from_a_dead_server() -> None:
        async with database.transaction() as connection:
            await restarted.kill()
            await connection.execute("SELECT 1")

    async with opened(restarted.url()) as database:
        with pytest.raises(DatabaseUnavailable):
            await select_from_a_dead_server()


@pytest_asyncio.fixture(scope="module")
async def own_server() -> AsyncIterator[EmbeddedPostgres]:
    async with embedded_postgres() as server:
        yield server


@pytest_asyncio.fixture
async def restarted(own_server: EmbeddedPostgres) -> EmbeddedPostgres:
    """A running server that a test may stop."""
    if not own_server.running:
        await own_server.start()
    return own_server


async def _insert_user(connection: psycopg.AsyncConnection[tuple[object, ...]], email: str) -> None:
    await connection.execute(
        "INSERT INTO catalog.users (user_id, email, display_name, state)"
        " VALUES (%s, %s, '', 'active')",
        [uuid4(), email],
    )


async def _count_users(database: Database) -> int:
    async with database.transaction() as connection:
        rows = await connection.execute("SELECT FROM catalog.users")
        return rows.rowcount
