"""How many activities one tenant may have in flight, over all processes of a workload.

Temporal's fairness orders what waits; it does not bound what runs. Where a workload's tuning sets a
limit, an activity begins only with a lease for its tenant. Without one it is handed back
(`temporal_common.handover`): it holds no slot, loses no attempt, and asks again a little later.

The tenant is the fairness key that routing wrote. Work without one belongs to no tenant and has no
limit. Nor have local activities, which no other worker could take.

This library does not know where leases are kept: whoever keeps them is a `TenantLimiter`.
"""

import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Final, Protocol

import structlog
from temporalio import activity

from temporal_common.errors import FleetError, Unavailable

log = structlog.get_logger()

_AT_LIMIT: Final = ("activity_at_tenant_limit", "activities handed back at their tenant's limit")
_SHORTEST_DELAY: Final = 0.25
_LONGEST_DELAY: Final = 5.0
# What a tenant at its limit may cost the server: a question is a started task, three calls and a
# transaction of Postgres.
_QUESTIONS_PER_SECOND: Final = 20.0


class AtTenantLimit(Unavailable):
    """The tenant has as many activities in flight as it may."""


class NotAdmitted(Unavailable):
    """The current activity may not begin now: its tenant is at its limit, or nobody can say."""

    def __init__(self, reason: str, *, asks_again_after: timedelta) -> None:
        super().__init__(reason)
        self.asks_again_after = asks_again_after


class TenantLimiter(Protocol):
    """The leases of one workload, seen from one process."""

    @property
    def workload(self) -> str: ...

    @property
    def limit(self) -> int:
        """Most activities of one tenant at once, over all processes."""

    @property
    def leases(self) -> int:
        """How many this process holds, over all tenants."""

    def lease(self, tenant: str) -> AbstractAsyncContextManager[None]:
        """Holds one lease while the block runs. Does not wait until one is free.

        Raises:
            AtTenantLimit: none is free.
            FleetError: nobody can say.
        """


class TenantLimit:
    """A workload's limit, as this process keeps to it."""

    def __init__(self, limiter: TenantLimiter | None) -> None:
        """Without a limiter there is no limit."""
        self.limiter = limiter
        self._refusals = Refusals()

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """Around the current activity: with a lease for its tenant, if it needs one.

        Closed where nobody can say: a tenant's work is not begun without its lease, and nothing is
        lost by waiting.

        Raises:
            NotAdmitted: it may not begin now.
        """
        info = activity.info()
        tenant = info.priority.fairness_key
        async with AsyncExitStack() as stack:
            if self.limiter is not None and tenant and not info.is_local:
                asking = (info.workflow_run_id, info.activity_id)
                try:
                    await stack.enter_async_context(self.limiter.lease(tenant))
                    self._refusals.forget(tenant, asking)
                except FleetError as error:
                    if isinstance(error, AtTenantLimit):
                        log.debug("tenant is at its limit", limit=self.limiter.limit)
                        activity.metric_meter().create_counter(*_AT_LIMIT).add(1)
                    else:
                        log.warning("no lease for the tenant", reason=str(error))
                    delay = self._refusals.delay(tenant, asking)
                    raise NotAdmitted(str(error), asks_again_after=delay) from None
            yield


class Refusals:
    """When an activity that was not admitted asks again.

    The fewer of its tenant's wait, the sooner: a place that comes free is not idle for long, and
    many of them do not keep the server busy with questions. How many wait is what this process has
    refused lately; each may ask another process next time, and several processes ask more often.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._refused: dict[str, dict[object, float]] = {}
        """By tenant, then by activity, the oldest first."""

    def forget(self, tenant: str, admitted: object) -> None:
        """It does not wait any more."""
        self._refused.get(tenant, {}).pop(admitted, None)

    def delay(self, tenant: str, refused: object) -> timedelta:
        """0.25 to 5 s, cut by up to a half at random: those that came together do not come together
        again."""
        now = self._clock()
        self._forget_those(before=now - 2 * _LONGEST_DELAY)
        waiting = self._refused.setdefault(tenant, {})
        waiting.pop(refused, None)
        waiting[refused] = now
        ceiling = len(waiting) / _QUESTIONS_PER_SECOND
        ceiling = min(_LONGEST_DELAY, max(_SHORTEST_DELAY, ceiling))
        return timedelta(seconds=random.uniform(ceiling / 2, ceiling))

    def _forget_those(self, *, before: float) -> None:
        for tenant, waiting in list(self._refused.items()):
            while waiting and next(iter(waiting.values())) < before:
                del waiting[next(iter(waiting))]
            if not waiting:
                del self._refused[tenant]
