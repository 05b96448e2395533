"""The lifecycle of a service, top to bottom in `run`.

start → health server → connect (with back-off) → one Worker per queue → ready
SIGTERM → not ready → stop polling → drain within the limit → close resources → flush → exit 0
"""

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import structlog
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Worker

from temporal_common.client import connect_with_backoff
from temporal_common.connection import Connection, load_connection
from temporal_common.errors import SettingsError
from temporal_common.health import Health, PolledQueue
from temporal_common.health_server import health_server, loop_heartbeat
from temporal_common.interceptors import RunningActivities
from temporal_common.metrics import instrumented_runtime
from temporal_common.pollers import PollerAccess, poller_access
from temporal_common.queues import QueueLayout
from temporal_common.routing import Router
from temporal_common.schedules import ensure_schedule
from temporal_common.settings import HealthSettings, LogSettings, QueueSettings, load
from temporal_common.tracing import tracing
from temporal_common.tuning import HARD_DEADLINE_MARGIN, Tuning, load_tuning
from temporal_common.version import VERSION
from temporal_common.worker import WorkerSpec, create_worker

log = structlog.get_logger()

_READY_POLL: Final = 0.2
_T = TypeVar("_T")


@dataclass(frozen=True)
class Workload:
    """A spec with the settings that this process read for it."""

    spec: WorkerSpec
    tuning: Tuning
    settings: Any


@dataclass(frozen=True)
class ServiceSettings:
    """All that a service reads from outside, read once."""

    connection: Connection
    layout: QueueLayout
    health: HealthSettings
    logs: LogSettings
    workloads: Sequence[Workload]
    build_id: str | None


def load_service_settings(specs: Sequence[WorkerSpec], *, health_port: int) -> ServiceSettings:
    """Reads the settings of these workloads. `health_port` is the default of `HEALTH_PORT`.

    Raises:
        SettingsError: with a line for each finding, not only for the first.
    """
    findings: list[str] = []

    def read(reader: Callable[[], _T]) -> _T:
        try:
            return reader()
        except SettingsError as error:
            findings.append(str(error))
            return None  # type: ignore[return-value]  # never used: we raise below

    settings = ServiceSettings(
        connection=read(load_connection),
        layout=read(lambda: load(QueueSettings).layout),
        health=read(lambda: load(HealthSettings, port=health_port)),
        logs=read(lambda: load(LogSettings)),
        workloads=[
            Workload(spec, read(lambda: load_tuning(spec.tuning)), read(spec.settings))  # noqa: B023
            for spec in specs
        ],
        build_id=os.environ.get("TEMPORAL_WORKER_BUILD_ID") or None,
    )
    if findings:
        raise SettingsError("\n".join(dict.fromkeys(findings)))
    return settings


class Stop:
    """The request to stop: from a signal handler, a thread, or the loop; the first one counts."""

    def __init__(self) -> None:
        self.reason = ""
        self._event = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def request(self, reason: str) -> None:
        self.reason = self.reason or reason
        self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self) -> None:
        await self._event.wait()


async def run(service: str, settings: ServiceSettings, stop: Stop) -> int:
    """Runs the workloads until `stop`, or until a worker ends by itself; gives the exit code.

    Raises:
        SettingsError: something that no waiting mends: a missing namespace, refused credentials.
    """
    identity = f"{service}@{socket.gethostname()}"
    health = Health(
        service=service,
        workload=",".join(workload.spec.workload for workload in settings.workloads),
        version=VERSION,
        build_id=settings.build_id,
        identity=identity,
        blocked_after=settings.health.blocked_after,
    )
    metrics = instrumented_runtime({"service": service, "workload": health.workload})
    async with AsyncExitStack() as stack:
        stack.enter_context(tracing(service, VERSION, identity))  # closed last: flushes the drain
        # Before connect: probes are answered from the first second on.
        port = stack.enter_context(health_server(health, settings.health, metrics.metrics_url))
        await stack.enter_async_context(loop_heartbeat(health))
        log.info("health server is up", port=port)

        def waiting(reason: str) -> None:
            health.starting(reason)
            log.warning("waiting for Temporal", reason=reason)

        client = await _unless_stopped(
            stop,
            connect_with_backoff(
                settings.connection, runtime=metrics.runtime, identity=identity, on_wait=waiting
            ),
        )
        if client is None:
            return 0
        log.info(
            "connected",
            address=settings.connection.address,
            namespace=settings.connection.namespace,
        )
        fleet = _Fleet(client, settings.layout, health)
        for workload in settings.workloads:
            await fleet.add(workload, stack)
        return await fleet.run_until(stop)


class _Fleet:
    """The Workers of this process."""

    def __init__(self, client: Client, layout: QueueLayout, health: Health) -> None:
        self._client = client
        self._layout = layout
        self._health = health
        self._workers: dict[str, Worker] = {}
        self._before: dict[str, PollerAccess] = {}
        self._running: list[RunningActivities] = []
        self._drain_seconds = 0.0

    async def add(self, workload: Workload, stack: AsyncExitStack) -> None:
        """Makes the Workers of a workload; what its activities need is closed by `stack`."""
        spec, tuning = workload.spec, workload.tuning
        for schedule in spec.schedules(workload.settings, Router(self._layout)):
            await ensure_schedule(self._client, schedule)
        activities = await stack.enter_async_context(spec.activities(workload.settings, tuning))
        running = RunningActivities(tuning.max_concurrent_activities)
        self._running.append(running)
        self._drain_seconds = max(self._drain_seconds, tuning.graceful_shutdown_timeout)
        for queue in self._layout.task_queues(spec.kind):
            self._health.task_queues.append(PolledQueue(queue.name, spec.workload))
            self._before[queue.name] = await poller_access(
                self._client, queue.name, self._health.identity
            )
            self._workers[queue.name] = create_worker(
                self._client, spec, tuning, queue=queue, activities=activities, running=running
            )

    async def run_until(self, stop: Stop) -> int:
        """Polls until `stop`, then drains. 0 after a drain, 1 when a worker ended by itself."""
        runs = {
            asyncio.create_task(worker.run(), name=name) for name, worker in self._workers.items()
        }
        announcing = asyncio.create_task(self._announce_ready())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({*runs, stopping}, return_when=asyncio.FIRST_COMPLETED)
        announcing.cancel()
        stopping.cancel()
        ended = [run for run in runs if run.done()]
        if ended:
            self._health.failed(f"worker of {ended[0].get_name()} ended: {_cause(ended[0])}")
            log.error("worker ended by itself", reason=self._health.reason)
        else:
            self._health.draining(stop.reason)
            log.info(
                "draining", reason=stop.reason, running=self._count(), limit=self._drain_seconds
            )
        deadline = self._arm_hard_deadline()
        await asyncio.gather(*(worker.shutdown() for worker in self._workers.values()))
        await asyncio.wait(runs)
        deadline.cancel()
        log.info("drained")
        return 1 if ended else 0

    async def _announce_ready(self) -> None:
        """Ready is when the server lists this process as a poller of each queue, not before."""
        for queue in self._health.task_queues:
            self._health.starting(f"waiting for the server to list us as a poller of {queue.name}")
            while not queue.polled:
                try:
                    access = await poller_access(self._client, queue.name, self._health.identity)
                    queue.polled = access.later_than(self._before[queue.name])
                except RPCError as error:
                    self._health.starting(f"Temporal does not answer: {error.message}")
                if not queue.polled:
                    await asyncio.sleep(_READY_POLL)
        self._health.ready()
        log.info("ready", task_queues=[queue.name for queue in self._health.task_queues])

    def _arm_hard_deadline(self) -> threading.Timer:
        """Ends the process when the drain does not: a hung server, or an activity that ignores its
        cancellation. From a thread, because a blocked event loop could not."""

        def expire() -> None:
            left = self._count()
            log.error("hard deadline reached", activities_cut_off=left)
            os._exit(1 if left else 0)

        timer = threading.Timer(self._drain_seconds + HARD_DEADLINE_MARGIN.total_seconds(), expire)
        timer.daemon = True
        timer.start()
        return timer

    def _count(self) -> int:
        return sum(running.count for running in self._running)


async def _unless_stopped(stop: Stop, work: Coroutine[Any, Any, _T]) -> _T | None:
    """The result of `work`, or `None` when `stop` came first."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if working.done():
        return working.result()
    working.cancel()
    return None


def _cause(run: asyncio.Task[None]) -> str:
    """Why a worker ended. The SDK puts the real text into the cause of a general error."""
    error = run.exception()
    if error is None:
        return "without an error"
    return str(error.__cause__ or error)
