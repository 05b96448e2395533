"""The embedded Postgres: use, crash, restart, durable or thrown away."""

import asyncio
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from dev_servers.errors import PortInUse, StartFailed
from dev_servers.ports import free_port
from dev_servers.postgres import EmbeddedPostgres, embedded_postgres
from dev_servers.programs import postgres_program


@pytest.fixture(scope="module")
async def postgres() -> AsyncIterator[EmbeddedPostgres]:
    async with embedded_postgres() as server:
        yield server


@pytest.fixture
def folder() -> Iterator[Path]:
    """Outside pytest's own folder, whose permissions pytest sets back while others may run."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


async def value(url: str, query: str) -> object:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        cursor = await connection.execute(query.encode())
        row = await cursor.fetchone() if cursor.description else None
        return row[0] if row else None


async def test_each_database_is_empty_and_its_own(postgres: EmbeddedPostgres) -> None:
    one, other = await postgres.create_database(), await postgres.create_database()

    await value(one, "CREATE TABLE notes ()")

    assert await value(one, "SELECT to_regclass('notes')") == "notes"
    assert await value(other, "SELECT to_regclass('notes')") is None


async def test_a_database_that_is_there_is_left_as_it_is(postgres: EmbeddedPostgres) -> None:
    url = await postgres.create_database("kept")
    await value(url, "CREATE TABLE notes ()")

    assert await postgres.create_database("kept") == url
    assert await value(url, "SELECT to_regclass('notes')") == "notes"


async def test_dropping_a_database_cuts_off_its_users(postgres: EmbeddedPostgres) -> None:
    url = await postgres.create_database("doomed")
    async with await psycopg.AsyncConnection.connect(url) as user:
        await postgres.drop_database("doomed")
        with pytest.raises(psycopg.OperationalError):
            await user.execute("SELECT 1")
    await postgres.drop_database("doomed")


async def test_committed_rows_are_there_after_a_crash(postgres: EmbeddedPostgres) -> None:
    url = await postgres.create_database()
    await value(url, "CREATE TABLE notes AS SELECT 'still here' AS note")

    await postgres.kill()
    with pytest.raises(psycopg.OperationalError):
        await value(url, "SELECT 1")
    await postgres.start()

    assert await value(url, "SELECT note FROM notes") == "still here"


async def test_it_starts_again_at_once_while_clients_were_connected(
    postgres: EmbeddedPostgres,
) -> None:
    async with await psycopg.AsyncConnection.connect(postgres.url()):
        await postgres.stop()
        await postgres.start()

    assert await value(postgres.url(), "SELECT 1") == 1


async def test_the_wheels_psql_reaches_it(postgres: EmbeddedPostgres) -> None:
    command = [str(postgres_program("psql")), "-At", postgres.url(), "-c", "SELECT 40 + 2"]

    answer = await asyncio.to_thread(lambda: subprocess.check_output(command))

    assert answer == b"42\n"


async def test_a_durable_server_finds_its_data_at_the_next_start(folder: Path) -> None:
    async with embedded_postgres(folder / "data") as first:
        await value(await first.create_database("fleet"), "CREATE TABLE notes ()")
    async with embedded_postgres(folder / "data", max_connections=20) as second:
        assert await value(second.url("fleet"), "SELECT to_regclass('notes')") == "notes"
        assert await value(second.url(), "SHOW fsync") == "on"
        assert await value(second.url(), "SHOW max_connections") == "20"


async def test_a_first_start_that_was_cut_off_is_done_again(folder: Path) -> None:
    (folder / "data.making").mkdir()
    (folder / "data.making" / "PG_VERSION").write_text("18\n")

    async with embedded_postgres(folder / "data") as server:
        assert await value(server.url(), "SELECT 1") == 1


async def test_a_throw_away_server_leaves_no_files() -> None:
    async with embedded_postgres() as server:
        scratch = server.data.parent

    assert not await asyncio.to_thread(scratch.exists)


async def test_two_servers_on_one_data_folder_are_refused(folder: Path) -> None:
    async with embedded_postgres(folder / "data", log=folder / "first.log"):
        with pytest.raises(StartFailed, match=r"postmaster\.pid\" already exists"):
            async with embedded_postgres(folder / "data", log=folder / "second.log"):
                pass


async def test_a_failed_start_gives_the_reason_and_the_log(
    postgres: EmbeddedPostgres, folder: Path
) -> None:
    broken = EmbeddedPostgres(
        postgres.data,
        port=free_port(),
        log=folder / "postgres.log",
        settings={"shared_buffers": "plenty"},
    )

    with pytest.raises(StartFailed) as error:
        await broken.start()

    assert 'invalid value for parameter "shared_buffers": "plenty"' in str(error.value)
    assert str(folder / "postgres.log") in str(error.value)
    assert "\n" not in str(error.value)


async def test_a_port_in_use_is_refused(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(PortInUse, match=f"port {postgres.port} .*Postgres wants it"):
        async with embedded_postgres(port=postgres.port):
            pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become another user")
async def test_started_by_root_it_works_below_a_folder_closed_to_others(folder: Path) -> None:
    home = folder / "home"
    await asyncio.to_thread(home.mkdir, mode=0o700)

    async with embedded_postgres(home / "state" / "data") as server:
        assert await value(server.url(), "SELECT 1") == 1

    # Others may pass through, and neither list nor read.
    assert (await asyncio.to_thread(home.stat)).st_mode & 0o777 == 0o701
