"""What the tests of a service need: fresh task queues, the service in this process or in its own.

For tests only: the one module of this library that imports `dev_servers`. It starts no server; take
`dev_servers.temporal_server` for that, or the address of one that runs.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self
from uuid import uuid4

import aiohttp
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion

from dev_servers.ports import HOST, free_port
from dev_servers.processes import ChildProcess
from temporal_common.client import client_interceptors
from temporal_common.connection import Connection
from temporal_common.fleet import OnReady
from temporal_common.payloads import DATA_CONVERTER
from temporal_common.queues import QueueLayout
from temporal_common.routing import Router
from temporal_common.service import ServiceSettings, run
from temporal_common.settings import HealthSettings, LogSettings, ShardSettings
from temporal_common.stopping import Stop
from temporal_common.worker import WorkerSpec, Workload

# Between two questions to a health server or a log, which give no event when they change.
_AGAIN: Final = 0.02
_KEPT: Final = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "COVERAGE_PROCESS_START")


def fresh_prefix() -> str:
    """A queue prefix that no other test has: its queues start empty, its workers see no one else's
    work."""
    return f"test-{uuid4().hex[:12]}"


def connection_to(address: str, namespace: str = "default") -> Connection:
    """The connection to a server that asks for no credentials."""
    return Connection(address, namespace, {"target_host": address, "namespace": namespace})


@dataclass(frozen=True)
class Answer:
    """What a health server said."""

    status: int
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class HealthClient:
    """Asks a service's health server."""

    url: str

    async def get(self, path: str) -> Answer:
        """Raises aiohttp.ClientError when no one listens."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}{path}") as answer:
            return Answer(answer.status, await answer.text())

    async def until(
        self, path: str, wanted: Callable[[Answer], bool], *, within: float = 20
    ) -> Answer:
        """The first wanted answer. Raises TimeoutError, with the last answer, after `within` s."""
        last: object = "no answer"
        try:
            async with asyncio.timeout(within):
                while True:
                    with suppress(aiohttp.ClientError):
                        last = answer = await self.get(path)
                        if wanted(answer):
                            return answer
                    await asyncio.sleep(_AGAIN)
        except TimeoutError:
            raise TimeoutError(f"{self.url}{path} after {within:g} s: {last}") from None

    async def until_ready(self, *, within: float = 20) -> Answer:
        return await self.until("/readyz", lambda answer: answer.status == 200, within=within)


@dataclass
class RunningService:
    """A service whose lifecycle runs in this process."""

    health: HealthClient
    client: Client
    router: Router
    """Routes to the queues of this service."""
    _stop: Stop = field(repr=False)
    _run: "asyncio.Task[int]" = field(repr=False)

    async def stop(self) -> int:
        """Asks it to stop, waits for the end of the drain; gives the exit code."""
        self._stop.request("the test")
        return await self.ended()

    async def ended(self) -> int:
        """Waits until it ends by itself; raises what it ended with."""
        return await asyncio.shield(self._run)


@asynccontextmanager
async def running_service(
    workloads: Sequence[WorkerSpec | Workload],
    *,
    connection: Connection,
    layout: QueueLayout | None = None,
    service: str = "test-service",
    blocked_after: float = 30.0,
    on_ready: OnReady = lambda _task_queues: None,
    ready: bool = True,
    version: WorkerDeploymentVersion | None = None,
    sharding: ShardSettings | None = None,
) -> AsyncIterator[RunningService]:
    """Runs the real lifecycle in this process; drains it at the end of the block.

    Args:
        workloads: Specs, whose settings and tuning are taken as declared, or workloads with others.
        layout: By default one shard under a fresh prefix.
        ready: Whether to wait until all queues are polled.
        version: Of Worker Versioning; by default unversioned.
        sharding: By default all shards.
    """
    layout = layout or QueueLayout(fresh_prefix())
    port = free_port()
    settings = ServiceSettings(
        connection=connection,
        layout=layout,
        sharding=sharding or ShardSettings.model_construct(),
        health=HealthSettings.model_construct(host=HOST, port=port, blocked_after=blocked_after),
        logs=LogSettings(),
        workloads=[
            item if isinstance(item, Workload) else Workload(item, item.tuning, item.settings())
            for item in workloads
        ],
        version=version,
    )
    stop = Stop()
    task = asyncio.create_task(run(service, settings, stop, on_ready=on_ready))
    running = RunningService(
        health=HealthClient(f"http://{HOST}:{port}"),
        client=await Client.connect(
            **connection.options,
            data_converter=DATA_CONVERTER,
            interceptors=client_interceptors(),
            lazy=True,  # there may be no server yet
        ),
        router=Router(layout),
        _stop=stop,
        _run=task,
    )
    try:
        if ready:
            await _unless_ended(running.health.until_ready(), task)
        yield running
    finally:
        stop.request("the end of the test")
        await asyncio.wait({task})
    task.result()


async def _unless_ended(wait: Any, task: "asyncio.Task[int]") -> None:
    waiting = asyncio.ensure_future(wait)
    await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
    if not waiting.done():
        waiting.cancel()
        raise AssertionError(f"the service ended with {task.result()} before it was ready")
    await waiting


class ServiceProcess:
    """A service as a real process, `python -m {module}`, looked at from outside."""

    def __init__(self, process: ChildProcess, health: HealthClient, log: Path) -> None:
        self.health = health
        self.log = log
        self._process = process

    @classmethod
    async def start(cls, module: str, settings: Mapping[str, str], *, log: Path) -> Self:
        """Starts it with these settings and with none of this process, on a free health port.

        It imports from this process's `sys.path`. Its output is appended to `log`. It dies with
        this process.
        """
        variables = {"HEALTH_HOST": HOST, "HEALTH_PORT": str(free_port()), **settings}
        process = await ChildProcess.start(
            [sys.executable, "-m", module],
            log=log,
            env={
                **{name: os.environ[name] for name in _KEPT if name in os.environ},
                "HOME": str(log.parent),  # not the person's, which may hold a temporal.toml
                "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
                **variables,
            },
        )
        return cls(process, HealthClient(f"http://{HOST}:{variables['HEALTH_PORT']}"), log)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.running

    async def until_ready(self, *, within: float = 30) -> None:
        """Raises StartFailed, with what its log says, when it ends or is not ready in time."""

        async def ready() -> bool:
            with suppress(aiohttp.ClientError):
                return (await self.health.get("/readyz")).status == 200
            return False

        await self._process.until_ready("the service", ready, within=within)

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    async def wait(self, *, within: float = 30) -> int:
        """Its exit code, negative for the signal that killed it. Raises TimeoutError."""
        async with asyncio.timeout(within):
            return await self._process.wait()

    async def terminate(self, *, within: float = 30) -> int:
        """SIGTERM, and the exit code after the drain. Raises TimeoutError."""
        self.send(signal.SIGTERM)
        return await self.wait(within=within)

    async def kill(self) -> None:
        """Ends it as a crash would. No-op when it has ended."""
        await self._process.kill()

    def output(self) -> str:
        return self.log.read_text()

    def logged(self, event: str | None = None) -> list[dict[str, Any]]:
        """Its lines of JSON, by default all, else those of an event."""
        lines = [line for line in self.output().splitlines() if line.startswith("{")]
        entries: list[dict[str, Any]] = [json.loads(line) for line in lines]
        return [entry for entry in entries if event is None or entry["event"] == event]

    async def until_logged(self, event: str, *, within: float = 20) -> dict[str, Any]:
        """The first line of that event. Raises TimeoutError."""
        try:
            async with asyncio.timeout(within):
                while True:
                    if found := self.logged(event):
                        return found[0]
                    await asyncio.sleep(_AGAIN)
        except TimeoutError:
            raise TimeoutError(f"no line {event!r} in {within:g} s") from None


@asynccontextmanager
async def service_process(
    module: str, settings: Mapping[str, str], *, log: Path, ready: bool = True
) -> AsyncIterator[ServiceProcess]:
    """A `ServiceProcess` that is killed at the end of the block, if it still runs then.

    What fails in the block is shown with the log of the service.
    """
    process = await ServiceProcess.start(module, settings, log=log)
    try:
        if ready:
            await process.until_ready()
        yield process
    except BaseException as error:
        error.add_note(f"log of {module}:\n{process.output()}")
        raise
    finally:
        await process.kill()
