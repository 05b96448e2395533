"""Heartbeats that an activity need not think of.

An activity with a heartbeat timeout is beaten for while it runs, so that the server learns of a
dead or frozen process within that timeout and not only at the end of `start_to_close_timeout`. It
proves that the process and its event loop are alive, not that the work gets on: the other timeout
stays the bound for that.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from temporalio import activity
from temporalio.worker import ActivityOutboundInterceptor

# The SDK sends at most one beat in 0.8 of the timeout; three in that time leave room for a late
# one.
_BEATS_PER_TIMEOUT: Final = 4


class RememberedHeartbeat(ActivityOutboundInterceptor):
    """Keeps the details of the last beat, so that our beats repeat and do not erase them."""

    def __init__(self, next: ActivityOutboundInterceptor) -> None:
        super().__init__(next)
        # Until the activity's own first beat: what a former attempt left for it.
        self.details: tuple[Any, ...] = tuple(activity.info().heartbeat_details)

    def heartbeat(self, *details: Any) -> None:
        self.details = details
        super().heartbeat(*details)


@asynccontextmanager
async def kept_alive(beats: RememberedHeartbeat | None) -> AsyncIterator[None]:
    """Beats for the current activity while the block runs, if it has a heartbeat timeout."""
    timeout = activity.info().heartbeat_timeout
    if timeout is None or beats is None:
        yield
        return

    async def beat() -> None:
        while True:
            await asyncio.sleep(timeout.total_seconds() / _BEATS_PER_TIMEOUT)
            beats.heartbeat(*beats.details)

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
