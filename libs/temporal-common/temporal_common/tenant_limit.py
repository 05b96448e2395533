"""How many activities one tenant may have in flight, over all processes of a workload.

Temporal's fairness orders what waits; it does not bound what runs. Where a workload's tuning sets a
limit, an activity begins only with a lease for its tenant. Without one it is handed back
(`temporal_common.handover`): it holds no slot, loses no attempt, and asks again a little later.

The tenant is the fairness key that routing wrote. Work without one belongs to no tenant and has no
limit. Nor have local activities, which no other worker could take.

This library does not know where leases are kept: whoever keeps them is a `TenantLimiter`.
"""

import random
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Final, Protocol

import structlog
from temporalio import activity

from temporal_common.errors import FleetError, Unavailable

log = structlog.get_logger()

_AT_LIMIT: Final = ("activity_at_tenant_limit", "activities handed back at their tenant's limit")
# Seconds until a tenant's work asks again: soon, so that a place that comes free is not idle for
# long; and rarely where much of it waits, because each question costs the server three calls.
_FIRST_DELAY: Final = 0.25
_LONGEST_DELAY: Final = 5.0
_DOUBLINGS: Final = 5


class AtTenantLimit(Unavailable):
    """The tenant has as many activities in flight as it may."""


class NotAdmitted(Unavailable):
    """The current activity may not begin now: its tenant is at its limit, or nobody can say."""


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


@asynccontextmanager
async def within_limit(limiter: TenantLimiter | None) -> AsyncIterator[None]:
    """Around the current activity: with a lease for its tenant, if it needs one.

    Closed where nobody can say: a tenant's work is not begun without its lease, and nothing is lost
    by waiting.

    Raises:
        NotAdmitted: it may not begin now.
    """
    info = activity.info()
    async with AsyncExitStack() as stack:
        if limiter is not None and info.priority.fairness_key and not info.is_local:
            try:
                await stack.enter_async_context(limiter.lease(info.priority.fairness_key))
            except AtTenantLimit as error:
                log.debug("tenant is at its limit", limit=limiter.limit)
                activity.metric_meter().create_counter(*_AT_LIMIT).add(1)
                raise NotAdmitted(str(error)) from None
            except FleetError as error:
                log.warning("no lease for the tenant", reason=str(error))
                raise NotAdmitted(str(error)) from None
        yield


def asks_again_after(attempt: int) -> timedelta:
    """How long an activity that was not admitted stays away.

    A quarter of a second after its first attempt, then twice as long each time up to 5 s, each cut
    by up to a half at random, so that those that came together do not come together again.
    """
    ceiling = min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** min(attempt - 1, _DOUBLINGS))
    return timedelta(seconds=random.uniform(ceiling / 2, ceiling))
