"""`WorkerSpec`, what a workload is; and `create_worker`, the one place where a Worker is made."""

import inspect
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Final

from temporalio.client import Client
from temporalio.worker import PollerBehaviorSimpleMaximum, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from temporal_common.interceptors import ActivityInterceptor, RunningActivities, WorkflowInterceptor
from temporal_common.queues import Kind, TaskQueue
from temporal_common.routing import Router
from temporal_common.schedules import ScheduleDefinition
from temporal_common.tenant_limit import TenantLimiter
from temporal_common.tuning import Tuning

Activities = Sequence[Callable[..., Any]]
ActivitiesFactory = Callable[["Startup"], AbstractAsyncContextManager[Activities]]
TenantLimiterFactory = Callable[["Startup", int], AbstractAsyncContextManager[TenantLimiter]]
SchedulesFactory = Callable[[Any, Router], Sequence[ScheduleDefinition]]

# What workflows import beside their own module. Passed through, a module is loaded once for the
# process; otherwise the sandbox executes it again for every workflow run: measured, 2.6 times the
# CPU and 7 times the memory of a cached workflow. Workflow modules themselves stay sandboxed.
PASSED_THROUGH: Final = (
    "temporal_common",
    "structlog",
    "opentelemetry",
    "pydantic",
    "pydantic_core",
    "pydantic_settings",
    "annotated_types",
    "typing_extensions",
    "typing_inspection",
)


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

    schedules: SchedulesFactory = lambda _settings, _router: ()
    """Schedules that the service creates or updates when it has connected."""

    tenant_limiter: TenantLimiterFactory | None = None
    """Opens what holds each tenant to a limit, `max_concurrent_activities_per_tenant`: after
    `activities`, and only where the tuning sets one. Without it the workload can have no limit."""

    passed_through: Sequence[str] = ()
    """Modules, beside `PASSED_THROUGH`, that its workflows import and that hold no state."""


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
        workflow_runner=workflow_runner(spec),
        interceptors=[ActivityInterceptor(running, client), WorkflowInterceptor()],
        max_concurrent_activities=tuning.max_concurrent_activities,
        max_concurrent_workflow_tasks=tuning.max_concurrent_workflow_tasks,
        max_cached_workflows=tuning.max_cached_workflows,
        activity_task_poller_behavior=PollerBehaviorSimpleMaximum(tuning.activity_pollers),
        workflow_task_poller_behavior=PollerBehaviorSimpleMaximum(tuning.workflow_pollers),
        graceful_shutdown_timeout=tuning.drain_limit,
    )


def workflow_runner(spec: WorkerSpec) -> SandboxedWorkflowRunner:
    """What runs the workflows of the spec, in a Worker and when a history is replayed."""
    return SandboxedWorkflowRunner(
        SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH, *spec.passed_through)
    )


def _executor(activities: Activities, tuning: Tuning) -> ThreadPoolExecutor | None:
    """A thread for each slot where there are synchronous activities; fewer would queue unseen."""
    if all(inspect.iscoroutinefunction(activity) for activity in activities):
        return None
    return ThreadPoolExecutor(tuning.max_concurrent_activities, thread_name_prefix="activity")
