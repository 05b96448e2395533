"""Activities that report to a test and do what it says."""

import asyncio
import threading
from concurrent.futures import BrokenExecutor

import structlog
from temporalio import activity

from temporal_common.errors import Refused, Unavailable
from tests.support.rendezvous import report_and_block, report_and_wait

log = structlog.get_logger()


class TenantExists(Refused):
    """An error of a service, to see its name as the type."""


@activity.defn
async def hold(address: str) -> str:
    """Ends as the test says: one of the words below fails it, any other is its result."""
    log.info("holding")
    word = await report_and_wait(address)
    if word == "refused":
        raise TenantExists("acme exists already")
    if word == "unavailable":
        raise Unavailable("the database is away")
    if word == "fault":
        secret = "hunter2"  # a local variable must not reach the log
        raise ValueError(f"a fault of {len(secret)}")
    if word == "fatal":
        raise BrokenExecutor("the pool of threads is gone")  # the SDK ends the whole worker for it
    return word


@activity.defn
async def block(address: str) -> str:
    """Holds the event loop, as an activity with a synchronous driver does."""
    return report_and_block(address)


@activity.defn
async def ignore_cancellation(address: str) -> str:
    """Goes on whatever happens, until the test says a word."""
    waiting = asyncio.create_task(report_and_wait(address))
    while not waiting.done():
        try:
            await asyncio.shield(waiting)
        except asyncio.CancelledError:
            log.info("cancellation ignored")
    return waiting.result()


@activity.defn
async def hold_after_progress(address: str) -> str:
    """In its first attempt it says how far it has come; then it does as `hold` does."""
    if activity.info().attempt == 1:
        activity.heartbeat("table 7")
    return await hold(address)


@activity.defn
async def linger(address: str) -> str:
    """When it is cancelled it reports once more, and ends as the test then says."""
    try:
        return await report_and_wait(address)
    except asyncio.CancelledError:
        word = await report_and_wait(address)
        if word == "own error":
            raise Refused("stopped in the middle") from None
        if word == "result":
            return "finished in its except"
        raise


@activity.defn
def hold_thread(address: str) -> str:
    """A synchronous activity: the name of the thread that the SDK gives it."""
    report_and_block(address)
    return threading.current_thread().name
