"""The Workers of one process: made, announced as ready, drained."""

import asyncio
from collections.abc import Callable, Set
from contextlib import AsyncExitStack
from typing import Any, Final

import structlog
from temporalio.client import Client
from temporalio.worker import Worker

from temporal_common.backoff import until_available
from temporal_common.errors import Unavailable
from temporal_common.health import Health, PolledQueue
from temporal_common.interceptors import RunningActivities
from temporal_common.pollers import PollerAccess, poller_access
from temporal_common.queues import QueueLayout
from temporal_common.routing import Router
from temporal_common.schedules import ensure_schedule
from temporal_common.stopping import Stop
from temporal_common.worker import Startup, Workload, create_worker

log = structlog.get_logger()

_READY_POLL: Final = 0.2

OnReady = Callable[[list[str]], None]
"""Called once, with the names of the task queues."""


class Fleet:
    """The Workers of this process, one for each task queue of each workload."""

    def __init__(self, client: Client, layout: QueueLayout, health: Health) -> None:
        self._client = client
        self._layout = layout
        self._health = health
        self._workers: dict[str, Worker] = {}
        self._before: dict[str, PollerAccess] = {}

    async def add(
        self, workload: Workload, stack: AsyncExitStack, waiting: Callable[[str], None]
    ) -> None:
        """Makes the Workers of a workload; what its activities need is closed by `stack`.

        Raises:
            SettingsError: the server refuses our credentials or a schedule.
        """
        spec, tuning = workload.spec, workload.tuning
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
        self._health.running.append(running)
        queues = self._layout.task_queues(spec.kind)
        for queue in queues:
            self._before[queue.name] = await until_available(
                lambda queue=queue: self._access(queue.name),  # type: ignore[misc]
                waiting=waiting,
            )
            self._workers[queue.name] = create_worker(
                self._client,
                spec,
                tuning.for_one_of(len(queues)),
                queue=queue,
                activities=activities,
                running=running,
            )
            self._health.task_queues.append(PolledQueue(queue.name, spec.workload))

    async def run_until(self, stop: Stop, on_ready: OnReady) -> int:
        """Polls until `stop`, then drains. 0 after a drain, 1 when a worker ended by itself."""
        runs = {
            asyncio.create_task(worker.run(), name=f"worker of {name}")
            for name, worker in self._workers.items()
        }
        announcing = asyncio.create_task(self._announce_ready(on_ready), name="readiness")
        stopping = asyncio.create_task(stop.wait())
        try:
            await _first_ended({*runs, stopping}, helper=announcing)
            ended = [run for run in runs if run.done()]
            if announcing.done() and announcing.exception():
                ended.append(announcing)
            if ended:
                self._health.failed(_why(ended[0]))
                log.error("ended by itself", reason=self._health.reason)
                stop.request(self._health.reason)  # the drain of the others has its deadline too
            else:
                self._health.draining(stop.reason)
                log.info("draining", reason=stop.reason, running=self._health.running_activities)
            announcing.cancel()
            await asyncio.gather(*(worker.shutdown() for worker in self._workers.values()))
            await asyncio.wait(runs)
            for run in runs.difference(ended):
                if run.exception():  # all has been drained before it was raised
                    log.warning("failed in the drain", reason=_why(run))
            log.info("drained")
            return 1 if ended else 0
        finally:  # a no-op, unless this is cancelled itself
            for task in (*runs, announcing, stopping):
                task.cancel()
            await asyncio.gather(*runs, announcing, stopping, return_exceptions=True)

    async def _announce_ready(self, on_ready: OnReady) -> None:
        """Ready is when the server lists this process as a poller of each queue, not before."""
        for queue in self._health.task_queues:
            while not queue.polled:
                self._health.starting(
                    f"waiting for the server to list us as a poller of {queue.name}"
                )
                try:
                    access = await self._access(queue.name)
                    queue.polled = access.later_than(self._before[queue.name])
                except Unavailable as error:
                    self._health.starting(str(error))
                if not queue.polled:
                    await asyncio.sleep(_READY_POLL)
        self._health.ready()
        task_queues = [queue.name for queue in self._health.task_queues]
        log.info("ready", task_queues=task_queues)
        on_ready(task_queues)

    async def _access(self, task_queue: str) -> PollerAccess:
        return await poller_access(self._client, task_queue, self._health.identity)


async def _first_ended(tasks: Set[asyncio.Task[Any]], *, helper: asyncio.Task[Any]) -> None:
    """Until one of the tasks ends, or the helper fails; its success ends nothing."""
    done, _ = await asyncio.wait({*tasks, helper}, return_when=asyncio.FIRST_COMPLETED)
    if done == {helper} and helper.exception() is None:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


def _why(ended: asyncio.Task[None]) -> str:
    """The SDK puts the real text into the cause of a general error."""
    error = ended.exception()
    return f"{ended.get_name()} ended: {(error and error.__cause__) or error or 'without an error'}"
