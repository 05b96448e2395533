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
    info = activity.info()
    log.info("holding")
    word = await report_and_wait(address, attempt=info.attempt, task_queue=info.task_queue)
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
    info = activity.info()
    return report_and_block(address, attempt=info.attempt, task_queue=info.task_queue)


@activity.defn
async def ignore_cancellation(address: str) -> str:
    """Goes on whatever happens, until the test says a word."""
    info = activity.info()
    waiting = asyncio.create_task(
        report_and_wait(address, attempt=info.attempt, task_queue=info.task_queue)
    )
    while not waiting.done():
        try:
            await asyncio.shield(waiting)
        except asyncio.CancelledError:
            log.info("cancellation ignored")
    return waiting.result()


@activity.defn
def hold_thread(address: str) -> str:
    """A synchronous activity: the name of the thread that the SDK gives it."""
    info = activity.info()
    report_and_block(address, attempt=info.attempt, task_queue=info.task_queue)
    return threading.current_thread().name
