"""Work of a workflow that a cancellation must not cut in two."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


async def to_the_end(work: Coroutine[Any, Any, _T]) -> _T:
    """The result of the work, which is finished also when the workflow is cancelled meanwhile.

    The cancellation is then swallowed; `workflow.cancellation_reason()` still knows of it.
    """
    task = asyncio.create_task(work)
    while True:
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():  # the work itself, as when the workflow leaves the cache
                raise
