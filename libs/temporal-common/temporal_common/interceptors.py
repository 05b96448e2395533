"""What wraps every activity: errors become retry decisions, it is counted and kept alive."""

import asyncio
from typing import Any

from temporalio.exceptions import ApplicationError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ActivityOutboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from temporal_common.errors import FleetError
from temporal_common.heartbeats import RememberedHeartbeat, kept_alive


class RunningActivities:
    """Activities that run in this process, over all of a workload's queues.

    With several queues each has slots of its own; the semaphore holds their sum to the one budget
    that the workload was tuned for (database connections, memory).
    """

    def __init__(self, budget: int) -> None:
        self.count = 0
        self.slots = asyncio.Semaphore(budget)


class ActivityInterceptor(Interceptor):
    """Applied by `create_worker` to every activity."""

    def __init__(self, running: RunningActivities) -> None:
        self._running = running

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Inbound(next, self._running)


class _Inbound(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, running: RunningActivities) -> None:
        super().__init__(next)
        self._running = running
        self._beats: RememberedHeartbeat | None = None

    def init(self, outbound: ActivityOutboundInterceptor) -> None:
        self._beats = RememberedHeartbeat(outbound)
        super().init(self._beats)

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        async with kept_alive(self._beats), self._running.slots:
            self._running.count += 1
            try:
                return await super().execute_activity(input)
            except FleetError as error:
                raise ApplicationError(
                    str(error), type=type(error).__name__, non_retryable=not error.retryable
                ) from error
            finally:
                self._running.count -= 1
