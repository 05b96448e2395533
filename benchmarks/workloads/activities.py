"""Activities that take a stated time, each in its own way, and say how long they had waited."""

import asyncio
import time

from temporalio import activity


@activity.defn
async def sleep(seconds: float) -> float:
    """Waits as for an answer from a network: other activities run meanwhile."""
    waited = _waited()
    await asyncio.sleep(seconds)
    return waited


@activity.defn
async def block(seconds: float) -> float:
    """Holds the event loop, as a call of a synchronous driver in an `async def` does."""
    waited = _waited()
    time.sleep(seconds)  # noqa: ASYNC251  # the fault that is to be measured
    return waited


def _waited() -> float:
    """Schedule to start, in seconds: by the server's clock and ours, which are one on one host."""
    return time.time() - activity.info().current_attempt_scheduled_time.timestamp()
