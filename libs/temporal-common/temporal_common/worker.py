"""`WorkerSpec`, what a workload is; and `create_worker`, the one place where a Worker is made."""

import inspect
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.worker import (
    PollerBehavior,
    PollerBehaviorAutoscaling,
    PollerBehaviorSimpleMaximum,
    Worker,
)

from temporal_common.build_id import image_build_id
from temporal_common.interceptors import ActivityInterceptor, RunningActivities, WorkflowInterceptor
from temporal_common.queues import Kind, TaskQueue
from temporal_common.routing import Router
from temporal_common.schedules import ScheduleDefinition
from temporal_common.tenant_limit import TenantLimiter
from temporal_common.tuning import Tuning
from temporal_common.version import VERSION
from temporal_common.versioning import deployment_config
from temporal_common.workflow_runner import workflow_runner

STICKY_TIMEOUT: Final = timedelta(seconds=2)
"""How long a workflow task waits for the process that has its workflow in memory; then any may take
it. The SDK's default of 10 s is how long the workflows of a crashed process stand still, and one
whose task comes while its process stops."""

Activities = Sequence[Callable[..., Any]]
ActivitiesFactory = Callable[["Startup"], AbstractAsyncContextManager[Activities]]
TenantLimiterFactory = Callable[["Startup", int], AbstractAsyncContextManager[TenantLimiter]]
SchedulesFactory = Callable[[Any, Router], Sequence[ScheduleDefinition]]


@dataclass(frozen=True)
class Startup:
    """What a workload's activities are made from."""

    settings: Any
    """What the spec's `settings` read."""

    tuning: Tuning

    waiting: Callable[[str], None]
    """Tell it what the start waits for (see `backoff.until_available`): it shows in `/readyz`."""


@dataclass(frozen=True)
class WorkerSpec:
    """A workload: a literal in its service's `worker.py`, and all that is special about it."""

    service: str
    """Name of the deployable: its folder, image, Deployment and `service.name`."""

    workload: str
    """Short name, the label of its metrics."""

    kind: Kind
    """Kind of work, which decides the task queues."""

    workflows: Sequence[type]

    activities: ActivitiesFactory
    """Opens what the activities need (pools, clients), yields them, closes it after the drain. It
    may wait for a server: nothing is polled before, so that no attempt is lost on its absence."""

    settings: Callable[[], Any] = lambda: None
    """Reads the service's own settings, before anything is connected."""

    tuning: Tuning = field(default_factory=Tuning)

    pool_size: Callable[[Any], int | None] = lambda _settings: None
    """Connections of its database pool, by its settings; None for as many as activities."""

    schedules: SchedulesFactory = lambda _settings, _router: ()
    """Schedules that the service creates or updates when it has connected."""

    tenant_limiter: TenantLimiterFactory | None = None
    """Opens what holds each tenant to a limit, `max_concurrent_activities_per_tenant`: after
    `activities`, and only where the tuning sets one. Without it the workload can have no limit."""

    passed_through: Sequence[str] = ()
    """Modules, beside those of `workflow_runner`, that its workflows import and that hold no
    state."""


@dataclass(frozen=True)
class Workload:
    """A spec with the settings that this process read for it."""

    spec: WorkerSpec
    tuning: Tuning
    settings: Any


def create_worker(
    client: Client,
    spec: WorkerSpec,
    tuning: Tuning,
    *,
    queue: TaskQueue,
    activities: Activities,
    running: RunningActivities,
    version: WorkerDeploymentVersion | None = None,
) -> Worker:
    """A Worker of the workload on one of its queues.

    Its identity is the client's, `{service}@{host}`: the SDK's default would be `1@{pod}` in every
    container. Never without a drain limit: the SDK's default of 0 cancels activities on SIGTERM.
    """
    return Worker(
        client,
        task_queue=queue.name,
        workflows=spec.workflows,
        activities=activities,
        activity_executor=_executor(activities, tuning),
        workflow_runner=workflow_runner(spec.passed_through, versioned=version is not None),
        interceptors=[ActivityInterceptor(running, client), WorkflowInterceptor()],
        max_concurrent_activities=tuning.max_concurrent_activities,
        max_concurrent_workflow_tasks=tuning.max_concurrent_workflow_tasks,
        max_cached_workflows=tuning.max_cached_workflows,
        sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
        activity_task_poller_behavior=_polls(tuning, tuning.activity_pollers),
        workflow_task_poller_behavior=_polls(tuning, tuning.workflow_pollers),
        max_activities_per_second=tuning.max_activities_per_second,
        max_task_queue_activities_per_second=tuning.max_task_queue_activities_per_second,
        # An eager activity passes by the queue and its limit (temporalio/temporal#6800).
        disable_eager_activity_execution=tuning.max_task_queue_activities_per_second is not None,
        graceful_shutdown_timeout=tuning.drain_limit,
        deployment_config=deployment_config(version),
        # The SDK's default is a hash of all loaded code, which takes some 50 ms of a start.
        build_id=None if version else image_build_id() or VERSION,
    )


def _polls(tuning: Tuning, maximum: int) -> PollerBehavior:
    if not tuning.poller_autoscaling:
        return PollerBehaviorSimpleMaximum(maximum)
    return PollerBehaviorAutoscaling(minimum=1, maximum=maximum, initial=min(2, maximum))


def _executor(activities: Activities, tuning: Tuning) -> ThreadPoolExecutor | None:
    """A thread for each slot where there are synchronous activities; fewer would queue unseen."""
    if all(inspect.iscoroutinefunction(activity) for activity in activities):
        return None
    threads = tuning.activity_threads or tuning.max_concurrent_activities
    return ThreadPoolExecutor(threads, thread_name_prefix="activity")
