"""The tuning of one workload: declared in its `WorkerSpec`, overridden by `WORKER_…` variables.

Whether its values go together is `tuning_checks`' business.
"""

import math
from datetime import timedelta
from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import SettingsConfigDict

from temporal_common.settings import Settings, load

HARD_DEADLINE_MARGIN: Final = timedelta(seconds=10)
"""Time after the drain limit for cancelled activities to end and for the last flush."""


class Tuning(BaseModel):
    """How much one worker process does at once, and how it stops.

    Slots are fixed in size: measured here, the resource-based tuner holds activities back for
    seconds on small or busy machines.
    """

    model_config = ConfigDict(frozen=True)

    max_concurrent_activities: int = Field(
        100, ge=1, le=10_000, description="activities that run at once, 1 to 10000"
    )
    max_concurrent_activities_per_tenant: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="activities of one tenant that run at once, over all processes, 1 to 1000; "
        "by default there is no limit",
    )
    max_concurrent_workflow_tasks: int = Field(
        100, ge=2, le=10_000, description="workflow tasks at once, 2 to 10000"
    )
    max_cached_workflows: int = Field(
        1000,
        ge=0,
        le=100_000,
        description="workflows kept in memory, 0 to 100000; a miss replays the history",
    )
    activity_pollers: int = Field(
        5,
        ge=1,
        le=1000,
        description="concurrent polls for activities, 1 to 1000; below the slots",
    )
    workflow_pollers: int = Field(
        5, ge=2, le=1000, description="concurrent polls for workflow tasks, 2 to 1000"
    )
    poller_autoscaling: bool = Field(
        False,
        description="true or false: begin with few polls, and have up to the given number while "
        "tasks come in",
    )
    activity_threads: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="threads for synchronous activities, 1 to 10000; by default one for each slot",
    )
    max_activities_per_second: float | None = Field(
        None, gt=0, le=100_000, description="activities that one queue of this process starts"
    )
    max_task_queue_activities_per_second: float | None = Field(
        None,
        gt=0,
        le=100_000,
        description="activities that the server gives out for one queue, to all processes together",
    )
    graceful_shutdown_timeout: float = Field(
        30.0,
        gt=0,
        le=3600,
        description="drain limit: seconds that running activities may take to finish after SIGTERM",
    )
    termination_grace_period: float | None = Field(
        None,
        gt=0,
        le=7200,
        description="seconds from SIGTERM to SIGKILL, the pod's terminationGracePeriodSeconds",
    )

    def for_one_of(self, queues: int) -> "Tuning":
        """What the Worker of one queue gets, where the process serves `queues` of them.

        Twice its share: a queue may be busier than the others. Not the whole: what the Workers take
        from the server beyond the budget waits in this process, on its timeout, while another
        process may have nothing to do. So at most one budget waits, and two tasks a queue: each
        keeps a slot that no poll holds, without which eager execution is lost.
        """
        if queues == 1:
            return self

        def share(total: int) -> int:
            return max(2, min(total, math.ceil(2 * total / queues)))

        activities = share(self.max_concurrent_activities)
        workflow_tasks = share(self.max_concurrent_workflow_tasks)
        return self.model_copy(
            update={
                "max_concurrent_activities": activities,
                "max_concurrent_workflow_tasks": workflow_tasks,
                "max_cached_workflows": min(
                    self.max_cached_workflows, math.ceil(2 * self.max_cached_workflows / queues)
                ),
                "activity_pollers": min(self.activity_pollers, activities - 1),
                "workflow_pollers": min(self.workflow_pollers, workflow_tasks),
            }
        )

    @property
    def drain_limit(self) -> timedelta:
        return timedelta(seconds=self.graceful_shutdown_timeout)

    @property
    def longest_stop(self) -> timedelta:
        """From the signal to the end of the process, at the latest."""
        return self.drain_limit + HARD_DEADLINE_MARGIN


class _TuningFromEnvironment(Settings, Tuning):
    model_config = SettingsConfigDict(env_prefix="WORKER_", frozen=True)


def load_tuning(declared: Tuning) -> Tuning:
    """The declared tuning with what the environment overrides.

    Raises:
        SettingsError: a value is out of its range.
    """
    return Tuning(**load(_TuningFromEnvironment, **declared.model_dump()).model_dump())
