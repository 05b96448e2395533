"""What a service knows about itself: the state behind `/livez`, `/readyz` and `/health`.

Written by the event loop, read by the health server's thread; each field is replaced whole.
"""

import threading
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from temporal_common.interceptors import RunningActivities


class State(StrEnum):
    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    FAILED = "failed"


@dataclass
class PolledQueue:
    """A task queue of this process."""

    name: str
    workload: str
    polled: bool = False
    """Whether the server has listed this process as a poller of it."""
    adopted: bool = False
    """Whether a larger layout left it: it is polled until nothing runs or waits there."""


@dataclass
class Health:
    """The health of one process.

    Liveness fails only where a restart helps: the event loop does not turn, or a worker's run has
    ended. It never fails for a server or database that is away, nor for an empty queue. Readiness
    stays once reached, until the drain: in an outage every pod would turn unready together, and a
    PodDisruptionBudget would then block the draining of nodes.
    """

    service: str
    workload: str
    version: str
    build_id: str | None
    identity: str
    blocked_after: float
    state: State = State.STARTING
    reason: str = "starting"
    task_queues: list[PolledQueue] = field(default_factory=list)
    running: list[RunningActivities] = field(default_factory=list)
    """The counter of each workload."""
    layout: dict[str, Any] = field(default_factory=dict)
    """`prefix` and `shards` of the task queues, and the `part` of the shards that it serves."""
    tuning: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By workload: its `Tuning`, and `database_pool_size` where it is set."""
    settled: threading.Event = field(default_factory=threading.Event)
    """The start is over, well or not."""
    _turned_at: float = field(default_factory=time.monotonic)

    def starting(self, reason: str) -> None:
        self.state, self.reason = State.STARTING, reason

    def ready(self) -> None:
        self.state, self.reason = State.READY, "every task queue is polled"
        self.settled.set()

    def draining(self, reason: str) -> None:
        self.state, self.reason = State.DRAINING, reason
        self.settled.set()

    def failed(self, reason: str) -> None:
        self.state, self.reason = State.FAILED, reason
        self.settled.set()

    @property
    def running_activities(self) -> int:
        return sum(workload.count for workload in self.running)

    def loop_turned(self) -> None:
        self._turned_at = time.monotonic()

    def loop_blocked_for(self) -> float:
        """Seconds since the event loop last turned."""
        return time.monotonic() - self._turned_at

    def live(self) -> tuple[bool, str]:
        blocked = self.loop_blocked_for()
        if blocked > self.blocked_after:
            return False, f"event loop blocked for {blocked:.0f} s; an activity does not await"
        if self.state is State.FAILED:
            return False, self.reason
        return True, "live"

    def describe(self) -> dict[str, Any]:
        """The document of `/health`."""
        live, reason = self.live()
        return {
            "service": self.service,
            "workload": self.workload,
            "version": self.version,
            "build_id": self.build_id,
            "identity": self.identity,
            "state": self.state.value,
            "reason": self.reason if live else reason,
            "live": live,
            "running_activities": self.running_activities,
            "layout": self.layout,
            "tuning": self.tuning,
            "tenant_limits": [
                {"workload": limiter.workload, "limit": limiter.limit, "leases": limiter.leases}
                for limiter in (workload.tenant_limit.limiter for workload in self.running)
                if limiter is not None
            ],
            "task_queues": [
                {
                    "name": queue.name,
                    "workload": queue.workload,
                    "polled": queue.polled,
                    "adopted": queue.adopted,
                }
                for queue in self.task_queues
            ],
        }
