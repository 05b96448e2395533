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
    from temporalio.client import WorkflowHandle

_INTERVAL: Final = 0.25
"""Seconds between two queries."""
ANSWER_TIMEOUT: Final = timedelta(seconds=2)
"""Longest wait for the answer to a query; a worker that runs answers in milliseconds."""
_HINT_AFTER: Final = 10.0
"""Seconds without an answer until we say so."""

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
    """What is waited for, in words."""

    name: str
    """Such as `the provisioning of acme`; begins a sentence in a failure."""
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
            reached = await _watch(work, working, probe, display)
        return None if reached else await working
    except asyncio.CancelledError:
        raise Failure(
            f"{work.name} goes on; look at it with: {work.look}",
            type="Interrupted",
            code=ExitCode.INTERRUPTED,
        ) from None
    except Exception as error:
        raise explain_work(error, work.name) from error
    finally:
        working.cancel()
        await asyncio.wait({working})


def one_step(handle: "WorkflowHandle[Any, Any]", name: str) -> Probe:
    """A probe for a workflow that reports no steps of its own: one that runs."""

    async def probe() -> Snapshot:
        await handle.query(_SDK_QUERY, rpc_timeout=ANSWER_TIMEOUT)
        return Snapshot((Step(name, StepState.RUNNING),))

    return probe


async def _watch(work: Work, working: "asyncio.Future[R]", probe: Probe, display: Display) -> bool:
    """Shows the work until it ends (False) or a probe says `reached` (True)."""
    from temporalio.client import WorkflowQueryFailedError
    from temporalio.service import RPCError

    answered = time.monotonic()
    while True:
        # Before the probe: the last probe then sees the workflow as it ended.
        ended = working.done()
        try:
            with untraced():
                snapshot = await asyncio.wait_for(probe(), ANSWER_TIMEOUT.total_seconds() + 1)
        except (RPCError, TimeoutError):
            if time.monotonic() - answered > _HINT_AFTER:
                display.remark(_no_worker(work.task_queue))
        except WorkflowQueryFailedError:
            answered = time.monotonic()  # by a worker of another version, which knows no such query
        else:
            answered = time.monotonic()
            display.show(snapshot.steps)
            display.remark(snapshot.remark)
            if snapshot.reached and not ended:
                return True
        if ended:
            return False
        await asyncio.wait({working}, timeout=_INTERVAL)


def _no_worker(task_queue: str) -> str:
    return (
        f"no worker answers on task queue {task_queue}; is the service running, with the same "
        "TEMPORAL_QUEUE_PREFIX and TEMPORAL_QUEUE_SHARDS? Still waiting."
    )
