"""Waiting for work of the fleet while showing how it goes on."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from fleetctl.display import Display, open_display
from fleetctl.exit_codes import ExitCode
from fleetctl.failures import Failure, explain_work
from fleetctl.spans import untraced
from tenant_catalog.contracts.steps import Step, StepState

if TYPE_CHECKING:
    from temporalio.client import Client, WorkflowHandle

_INTERVAL: Final = 0.25
"""Seconds between two queries, at first."""
_CALM_AFTER: Final = 30.0
_CALM_INTERVAL: Final = 2.0
"""Seconds between two queries of work that takes longer than `_CALM_AFTER`; a retention of weeks
can be waited for."""
ANSWER_TIMEOUT: Final = timedelta(seconds=2)
"""Longest wait for the answer to a query; a worker that runs answers in milliseconds."""
_TROUBLE_INTERVAL: Final = 2.0
"""Seconds between two looks at what holds the work up; most work has ended by the first."""
_NO_WORKER_AFTER: Final = 10.0
"""Seconds without a worker's answer to a query until we say so."""
_GIVE_UP_AFTER: Final = 10.0
"""Seconds without Temporal until we stop waiting. Restarts of a cluster's parts go unnoticed."""

_SDK_QUERY: Final = "__temporal_workflow_metadata"
"""Answered by the SDK for every workflow: tells whether a worker is there."""

R = TypeVar("R")


@dataclass(frozen=True)
class Snapshot:
    """How work is going on."""

    steps: tuple[Step, ...]
    reached: bool = False
    """What the caller waits for has come, although the workflow goes on."""
    remark: str = ""


@dataclass(frozen=True)
class Work:
    """What is waited for."""

    name: str
    """Such as `the provisioning of acme`; begins a sentence in a failure."""
    client: "Client"
    handle: "WorkflowHandle[Any, Any]"
    task_queue: str
    look: str
    """The command that shows how it goes on."""


Probe = Callable[[], Awaitable[Snapshot]]


async def follow(work: Work, result: Awaitable[R], probe: Probe) -> R | None:
    """Waits for `result`, and shows what `probe` finds; `None` when a probe said `reached`.

    A probe may fail: no worker may be there yet. Then it is tried again, and after ten seconds
    that is said.

    Raises:
        Failure: the work failed, Temporal is away, or Ctrl-C.
    """
    working = asyncio.ensure_future(result)
    try:
        with open_display() as display:
            reached = await _Watch(work, probe, display).until_done(working)
        return None if reached else await working
    except asyncio.CancelledError:
        raise Failure(
            f"{work.name} goes on; look at it with: {work.look}",
            type="Interrupted",
            code=ExitCode.INTERRUPTED,
        ) from None
    except Exception as error:
        failure = explain_work(error, work.name)
        if failure.code is ExitCode.UNREACHABLE:
            failure.message += f"; {work.name} goes on when it is back"
        raise failure from error
    finally:
        working.cancel()
        await asyncio.wait({working})


def one_step(handle: "WorkflowHandle[Any, Any]", name: str) -> Probe:
    """A probe for a workflow that reports no steps of its own: one that runs."""

    async def probe() -> Snapshot:
        await handle.query(_SDK_QUERY, rpc_timeout=ANSWER_TIMEOUT)
        return Snapshot((Step(name, StepState.RUNNING),))

    return probe


class _Watch:
    """Shows work on a display while it goes on."""

    def __init__(self, work: Work, probe: Probe, display: Display) -> None:
        self._work = work
        self._probe = probe
        self._display = display
        self._began = self._answered = self._reached = self._looked = time.monotonic()
        self._temporal_is_away = False
        self._trouble = ""

    async def until_done(self, working: "asyncio.Future[R]") -> bool:
        """Returns when the work has ended (False), or a probe says `reached` (True)."""
        while True:
            # Before the probe: the last probe then sees the workflow as it ended.
            ended = working.done()
            with untraced():
                snapshot = await self._ask()
                await self._look_for_trouble()
            if snapshot is not None:
                self._display.show(snapshot.steps)
            remark = snapshot.remark if snapshot else ""
            self._display.remark("" if ended else self._silence() or self._trouble or remark)
            if ended:
                return False
            if snapshot is not None and snapshot.reached:
                return True
            calm = time.monotonic() - self._began > _CALM_AFTER
            await asyncio.wait({working}, timeout=_CALM_INTERVAL if calm else _INTERVAL)

    async def _ask(self) -> Snapshot | None:
        from temporalio.client import WorkflowQueryFailedError
        from temporalio.service import RPCError

        snapshot: Snapshot | None = None
        try:
            # A limit of our own as well: that of the RPC ends one of several attempts.
            snapshot = await asyncio.wait_for(self._probe(), ANSWER_TIMEOUT.total_seconds() + 1)
        except (RPCError, TimeoutError):
            await self._reach_temporal()
            return None
        except WorkflowQueryFailedError:
            pass  # an answer, by a worker of another version that does not know this query
        self._answered = self._reached = time.monotonic()
        self._temporal_is_away = False
        return snapshot

    async def _reach_temporal(self) -> None:
        """Finds out whether a worker is away, or Temporal itself.

        Raises:
            TemporalUnavailable: it has not answered for ten seconds.
        """
        from temporalio.service import RPCError, RPCStatusCode

        from temporal_common.client import TemporalUnavailable

        service = self._work.client.service_client
        try:
            await service.check_health(timeout=ANSWER_TIMEOUT)
        except RPCError as error:
            # Any other status is an answer: a proxy may not let the health check through.
            away = error.status in (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED)
        else:
            away = False
        self._temporal_is_away = away
        if not away:
            self._reached = time.monotonic()
        elif time.monotonic() - self._reached > _GIVE_UP_AFTER:
            raise TemporalUnavailable(
                f"Temporal at {service.config.target_host} does not answer any more "
                "(TEMPORAL_ADDRESS)"
            )

    async def _look_for_trouble(self) -> None:
        """Finds an activity that is tried again, and why."""
        from temporalio.service import RPCError

        if time.monotonic() - self._looked < _TROUBLE_INTERVAL:
            return
        self._looked = time.monotonic()
        try:
            described = await self._work.handle.describe(rpc_timeout=ANSWER_TIMEOUT)
        except RPCError:
            return
        self._trouble = ""
        for activity in described.raw_description.pending_activities:
            if activity.attempt > 1 and activity.HasField("last_failure"):
                reason = " ".join(activity.last_failure.message.split())
                self._trouble = f"{activity.activity_type.name} is tried again: {reason}"

    def _silence(self) -> str:
        """What to say when queries are not answered."""
        if self._temporal_is_away:
            return "Temporal does not answer. Still waiting."
        if time.monotonic() - self._answered < _NO_WORKER_AFTER:
            return ""
        return (
            f"no worker answers on task queue {self._work.task_queue}; is the service running, "
            "with the same TEMPORAL_QUEUE_PREFIX and TEMPORAL_QUEUE_SHARDS? Still waiting."
        )
