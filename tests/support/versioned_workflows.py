"""What the workers of `tests.support.versions` run; a module alone, for the sandbox reloads it."""

from temporalio import activity, workflow
from temporalio.common import VersioningBehavior


class _Waiting:
    def __init__(self) -> None:
        self._finish = False

    @workflow.signal
    def finish(self) -> None:
        self._finish = True


@workflow.defn(versioning_behavior=VersioningBehavior.PINNED)
class Pinned(_Waiting):
    """Ends by a signal, on the version that it began on."""

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self._finish)


@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Moving(_Waiting):
    """Ends by a signal, on the version that is current then."""

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self._finish)


@activity.defn
async def nothing() -> None:
    """So that a worker polls for activities."""
