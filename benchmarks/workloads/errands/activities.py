"""One activity, which waits as for an answer from a network and says what it saw."""

import asyncio
import time
from typing import Final

from temporalio import activity

from benchmarks.workloads.errands.models import Ran

_running: Final[set[bytes]] = set()
"""The activities of this process, over all its queues, by their task tokens."""


@activity.defn
async def wait(seconds: float) -> Ran:
    info = activity.info()
    began = time.time()
    _running.add(info.task_token)
    try:
        ran = Ran(began, began - info.current_attempt_scheduled_time.timestamp(), len(_running))
        await asyncio.sleep(seconds)
    finally:
        _running.remove(info.task_token)
    return ran
