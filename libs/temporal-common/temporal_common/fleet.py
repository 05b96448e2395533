"""The Workers of one process: made, announced as ready, drained."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

import structlog
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.worker import Worker

from temporal_common.adoption import Adoption
from temporal_common.backoff import until_available
from temporal_common.errors import Unavailable
from temporal_common.health import Health, PolledQueue
from temporal_common.interceptors import RunningActivities
from temporal_common.pollers import PollerAccess, poller_access
from temporal_common.queues import QueueLayout, TaskQueue
from temporal_common.routing import Router
from temporal_common.schedules import ensure_schedule
from temporal_common.settings import ShardSettings
from temporal_common.stopping import Stop
from temporal_common.worker import Activities, Startup, Workload, create_worker

log = structlog.get_logger()

_READY_POLL: Final = 0.2

OnReady = Callable[[list[str]], None]
"""Called once, with the names of the task queues."""


@dataclass(frozen=True)
class _Opened:
    """A workload whose activities have what they need."""

    workload: Workload
    activities: Activities
    running: RunningActivities


@dataclass
class _Polling:
    """A queue of this process, and the Worker that polls it."""

    queue: PolledQueue
    worker: Worker
    before: PollerAccess
    run: "asyncio.Task[None] | None" = None
    releasing: bool = False


class Fleet:
    """The Workers of this process, one for each task queue of each workload."""

    def __init__(
        self,
        client: Client,
        layout: QueueLayout,
        sharding: ShardSettings,
        health: Health,
        version: WorkerDeploymentVersion | None,
    ) -> None:
        self._client = client
        self._layout = layout
        self._sharding = sharding
        self._health = health
        self._health.layout = {
            "prefix": layout.prefix,
            "shards": layout.shards,
            "part": str(sharding.shards),
        }
        self._version = version
        self._polling: dict[str, _Polling] = {}
        self._adoptions: list[Adoption] = []
        self._polls = False
        self._ended = asyncio.Event()
        """A Worker or a helper has ended by itself."""

    async def add(
        self, workload: Workload, stack: AsyncExitStack, waiting: Callable[[str], None]
    ) -> None:
        """Makes the Workers of a workload; what its activities need is closed by `stack`.

        Raises:
            SettingsError: the server refuses our credentials or a schedule.
        """
        spec, tuning = workload.spec, workload.tuning
        self._health.tuning[spec.workload] = {
            **tuning.model_dump(),
            "database_pool_size": spec.pool_size(workload.settings),
        }
        for schedule in spec.schedules(workload.settings, Router(self._layout)):
            await until_available(
                lambda schedule=schedule: ensure_schedule(self._client, schedule),  # type: ignore[misc]
                waiting=waiting,
            )
        startup = Startup(workload.settings, tuning, waiting)
        activities = await stack.enter_async_context(spec.activities(startup))
        limiter, limit = None, tuning.max_concurrent_activities_per_tenant
        if spec.tenant_limiter and limit is not None:
            limiter = await stack.enter_async_context(spec.tenant_limiter(startup, limit))
        running = RunningActivities(tuning.max_concurrent_activities, limiter)
        opened = _Opened(workload, activities, running)
        self._health.running.append(running)
        queues = self._layout.task_queues(spec.kind)
        if spec.kind.sharded:
            queues = tuple(queue for queue in queues if self._sharding.shards.covers(queue.shard))
        await until_available(lambda: self._make(opened, queues), waiting=waiting)
        if spec.kind.sharded:
            adoption = Adoption(
                self._client,
                self._layout,
                spec.kind,
                self._sharding,
                adopt=lambda left: self._adopt(opened, left),
                release=self._release,
            )
            self._adoptions.append(adoption)
            await adoption.look()  # before the first poll: what was left waits for someone

    async def run_until(self, stop: Stop, on_ready: OnReady) -> int:
        """Polls until `stop`, then drains. 0 after a drain, 1 when a worker ended by itself."""
        self._polls = True
        self._start(self._polling.values())
        helpers = {
            asyncio.create_task(self._announce_ready(on_ready), name="readiness"),
            *(asyncio.create_task(adoption.run(), name="adoption") for adoption in self._adoptions),
        }
        for helper in helpers:
            helper.add_done_callback(self._note_failure)
        waits = {asyncio.create_task(event()) for event in (stop.wait, self._ended.wait)}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            ended = [run for run in self._runs(releasing=False) if run.done()]
            ended += [helper for helper in helpers if _failed(helper)]
            if ended:
                self._health.failed(_why(ended[0]))
                log.error("ended by itself", reason=self._health.reason)
                stop.request(self._health.reason)  # the drain of the others has its deadline too
            else:
                self._health.draining(stop.reason)
                log.info("draining", reason=stop.reason, running=self._health.running_activities)
            for helper in helpers:
                helper.cancel()
            await asyncio.wait(helpers)  # from here on no Worker is begun or released
            await asyncio.gather(*(each.worker.shutdown() for each in self._polling.values()))
            for run in self._runs():
                await asyncio.wait({run})
                if run not in ended and run.exception():  # all was drained before it was raised
                    log.warning("failed in the drain", reason=_why(run))
            log.info("drained")
            return 1 if ended else 0
        finally:  # a no-op, unless this is cancelled itself
            tasks = {*self._runs(), *helpers, *waits}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _note_failure(self, helper: "asyncio.Task[None]") -> None:
        if _failed(helper):
            self._ended.set()

    async def _make(
        self, opened: _Opened, queues: Sequence[TaskQueue], *, adopted: bool = False
    ) -> list[_Polling]:
        """Makes a Worker for each queue. Nothing is made if the server does not answer."""
        befores = await asyncio.gather(*(self._access(queue.name) for queue in queues))
        spec, tuning = opened.workload.spec, opened.workload.tuning
        share = tuning.for_one_of(len(queues) + (len(self._polling) if adopted else 0))
        made = []
        for queue, before in zip(queues, befores, strict=True):
            worker = create_worker(
                self._client,
                spec,
                share,
                queue=queue,
                activities=opened.activities,
                running=opened.running,
                version=self._version,
            )
            polled = PolledQueue(queue.name, spec.workload, adopted=adopted)
            self._health.task_queues.append(polled)
            self._polling[queue.name] = _Polling(polled, worker, before)
            made.append(self._polling[queue.name])
        return made

    def _start(self, polling: Iterable[_Polling]) -> None:
        for each in polling:
            each.run = asyncio.create_task(each.worker.run(), name=f"worker of {each.queue.name}")
            each.run.add_done_callback(
                lambda _run, each=each: None if each.releasing else self._ended.set()  # type: ignore[misc]
            )

    def _runs(self, *, releasing: bool = True) -> "list[asyncio.Task[None]]":
        """With those whose queue is being released, or without."""
        return [
            each.run
            for each in self._polling.values()
            if each.run and (releasing or not each.releasing)
        ]

    async def _adopt(self, opened: _Opened, queues: Sequence[TaskQueue]) -> None:
        # Not those that a former look has begun with, before something kept it from its end.
        new = [queue for queue in queues if queue.name not in self._polling]
        made = await self._make(opened, new, adopted=True)
        if self._polls:
            self._start(made)
            for each in made:
                await self._until_listed(each)

    async def _release(self, queue: TaskQueue) -> None:
        polling = self._polling[queue.name]
        polling.releasing = True
        await polling.worker.shutdown()
        if polling.run:
            await asyncio.wait({polling.run})
        del self._polling[queue.name]
        self._health.task_queues.remove(polling.queue)

    async def _announce_ready(self, on_ready: OnReady) -> None:
        """Ready is when the server lists this process as a poller of each queue, not before."""
        for polling in list(self._polling.values()):
            self._health.starting(
                f"waiting for the server to list us as a poller of {polling.queue.name}"
            )
            await self._until_listed(polling, waiting=self._health.starting)
        self._health.ready()
        task_queues = [queue.name for queue in self._health.task_queues]
        log.info("ready", task_queues=task_queues)
        on_ready(task_queues)

    async def _until_listed(
        self, polling: _Polling, *, waiting: Callable[[str], None] = lambda _reason: None
    ) -> None:
        while not polling.queue.polled:
            try:
                access = await self._access(polling.queue.name)
                polling.queue.polled = access.later_than(polling.before)
            except Unavailable as error:
                waiting(str(error))
            if not polling.queue.polled:
                await asyncio.sleep(_READY_POLL)

    async def _access(self, task_queue: str) -> PollerAccess:
        return await poller_access(self._client, task_queue, self._health.identity)


def _failed(helper: "asyncio.Task[None]") -> bool:
    return helper.done() and not helper.cancelled() and helper.exception() is not None


def _why(ended: "asyncio.Task[Any]") -> str:
    """The SDK puts the real text into the cause of a general error."""
    error = ended.exception()
    return f"{ended.get_name()} ended: {(error and error.__cause__) or error or 'without an error'}"
