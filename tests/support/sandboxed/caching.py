"""A cache on a function."""

import functools

from temporalio import workflow


@functools.lru_cache
def twice(number: int) -> int:
    return 2 * number


@workflow.defn
class Caching:
    @workflow.run
    async def run(self) -> int:
        twice(1)
        return twice.cache_info().misses
