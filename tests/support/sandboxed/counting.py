"""A counter in a global variable: each run must begin with a counter of its own."""

from temporalio import workflow

_runs = 0


@workflow.defn
class Counting:
    @workflow.run
    async def run(self) -> int:
        global _runs
        _runs += 1
        return _runs
