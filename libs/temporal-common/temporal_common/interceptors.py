"""What wraps every activity: errors become retry decisions, it is counted, kept alive, handed over
when its worker stops, and it knows its workflow's priority."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import structlog
from structlog.contextvars import bind_contextvars
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import Priority
from temporalio.exceptions import ApplicationError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ActivityOutboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
    StartActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

from temporal_common.errors import FleetError, Unavailable
from temporal_common.handover import (
    AT_ONCE,
    NotHandedOver,
    hand_over,
    interrupted_by_shutdown,
)
from temporal_common.heartbeats import RememberedHeartbeat, kept_alive
from temporal_common.logs import trace_ids
from temporal_common.tenant_limit import NotAdmitted, TenantLimit, TenantLimiter

log = structlog.get_logger()


class NotBegun(Unavailable):
    """The current activity waited for the budget when the drain began."""


class RunningActivities:
    """Activities that run in this process, over all of a workload's queues.

    With several queues each has slots of its own; the semaphore holds their sum to the one budget
    that the workload was tuned for (database connections, memory). `limiter` holds each tenant to
    a limit over all processes.
    """

    def __init__(self, budget: int, limiter: TenantLimiter | None = None) -> None:
        self.count = 0
        self.slots = asyncio.Semaphore(budget)
        self.tenant_limit = TenantLimit(limiter)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Waits until the budget has room for the current activity.

        Raises:
            NotBegun: the drain began first.
        """
        if self.slots.locked():
            await self._wait_for_slot()
        else:
            await self.slots.acquire()
        try:
            yield
        finally:
            self.slots.release()

    async def _wait_for_slot(self) -> None:
        acquiring = asyncio.create_task(self.slots.acquire())
        draining = asyncio.create_task(activity.wait_for_worker_shutdown())
        taken = False
        try:
            await asyncio.wait({acquiring, draining}, return_when=asyncio.FIRST_COMPLETED)
            taken = acquiring.done()
        finally:
            draining.cancel()
            if not taken and not acquiring.cancel():  # it got one in the same moment
                self.slots.release()
        if not taken:
            raise NotBegun("its worker was shut down before it began")


class ActivityInterceptor(Interceptor):
    """Applied by `create_worker` to every activity."""

    def __init__(self, running: RunningActivities, client: Client) -> None:
        self._running = running
        self._client = client

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Inbound(next, self._running, self._client)


class _Inbound(ActivityInboundInterceptor):
    def __init__(
        self, next: ActivityInboundInterceptor, running: RunningActivities, client: Client
    ) -> None:
        super().__init__(next)
        self._running = running
        self._client = client
        self._beats: RememberedHeartbeat | None = None

    def init(self, outbound: ActivityOutboundInterceptor) -> None:
        self._beats = RememberedHeartbeat(outbound)
        super().init(self._beats)

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        # For the line about a failed attempt, which the SDK writes after the span has ended.
        bind_contextvars(**trace_ids())
        async with kept_alive(self._beats):
            try:
                return await self._within_budget(input)
            except (Exception, asyncio.CancelledError) as error:
                if isinstance(error, NotBegun):
                    await self._hand_over(str(error), AT_ONCE)
                elif interrupted_by_shutdown():
                    # Whatever it raised: the drain limit has ended it, not its work.
                    log.info("handing over", raised=type(error).__name__)
                    await self._hand_over("its worker was shut down", AT_ONCE)
                elif isinstance(error, NotAdmitted):
                    await self._hand_over(str(error), error.asks_again_after)
                if isinstance(error, FleetError):
                    raise ApplicationError(
                        str(error), type=type(error).__name__, non_retryable=not error.retryable
                    ) from error
                raise

    async def _within_budget(self, input: ExecuteActivityInput) -> Any:
        # In this order: a lease must not wait for a slot, others could use it.
        async with self._running.slot(), self._running.tenant_limit.admitted():
            self._running.count += 1
            try:
                return await super().execute_activity(input)
            finally:
                self._running.count -= 1

    async def _hand_over(self, reason: str, delay: timedelta) -> None:
        """Returns only where it is not possible; the SDK then reports what the activity raised."""
        details = self._beats.details if self._beats else ()
        try:
            await hand_over(self._client, reason=reason, heartbeat=details, delay=delay)
        except NotHandedOver as error:
            log.warning("not handed over", reason=str(error))


class WorkflowInterceptor(Interceptor):
    """Applied by `create_worker` to every workflow."""

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor]:
        return _WorkflowInbound


class _WorkflowInbound(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_WorkflowOutbound(outbound))


class _WorkflowOutbound(WorkflowOutboundInterceptor):
    """Writes the inherited priority into each activity's start.

    The server would inherit it all the same, but leaves it out of what it hands an eager worker:
    there `activity.info()` would not know the tenant. Measured on server 1.32. An activity may have
    an urgency or a weight of its own; whose work it is, its workflow says.
    """

    def start_activity(self, input: StartActivityInput) -> workflow.ActivityHandle[Any]:
        own, inherited = input.priority, workflow.info().priority
        input.priority = Priority(
            priority_key=own.priority_key or inherited.priority_key,
            fairness_key=inherited.fairness_key or own.fairness_key,
            fairness_weight=own.fairness_weight or inherited.fairness_weight,
        )
        return super().start_activity(input)
