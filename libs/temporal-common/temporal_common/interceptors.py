"""What wraps every activity: errors become retry decisions, and running work is counted."""

import asyncio
from typing import Any

from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from temporal_common.errors import FleetError


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

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        async with self._running.slots:
            self._running.count += 1
            try:
                return await super().execute_activity(input)
            except FleetError as error:
                raise ApplicationError(
                    str(error), type=type(error).__name__, non_retryable=not error.retryable
                ) from error
            finally:
                self._running.count -= 1
