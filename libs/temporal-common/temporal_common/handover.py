"""Handing an activity over to another worker: this attempt ends, and none is used up.

Temporal has no call for it: a worker can only complete, fail or cancel what it was given. So the
attempt is failed in a way that costs the activity nothing:

- Where the retry policy bounds the attempts, the bound of this one pending activity is first raised
  by one. Not `ResetActivity`: it would forget the attempts that really failed.
- The failure asks for its retry at a time that we choose, so that no back-off is waited for.

The heartbeat details go along, and the bound of `schedule_to_close_timeout` stays. Only the number
of the attempt grows; a later failure waits as long as if this had been one.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, NoReturn

from google.protobuf.field_mask_pb2 import FieldMask
from temporalio import activity
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.common.v1 import RetryPolicy, WorkflowExecution
from temporalio.api.workflowservice.v1 import UpdateActivityOptionsRequest
from temporalio.client import AsyncActivityCancelledError, AsyncActivityHandle, Client
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.service import RPCError

HANDED_OVER: Final = "HandedOver"
"""`type` of the failure. A workflow sees it only where no further attempt is possible: its
`schedule_to_close_timeout` has passed, or the workflow has been told to end."""

AT_ONCE: Final = timedelta(milliseconds=1)
"""The shortest delay: the server takes zero for "by the retry policy"."""

# For all calls of one hand-over. Then the server is away, and what the SDK does is as good.
_LIMIT: Final = 5.0


class NotHandedOver(Exception):
    """The server did not answer, or knows this attempt no longer."""


def interrupted_by_shutdown() -> bool:
    """Whether the current activity was cancelled because the drain limit had passed.

    Not for a cancellation that the workflow or the server asked for, also during a drain: the SDK
    keeps the first reason.
    """
    details = activity.cancellation_details()
    return details is not None and details.worker_shutdown


async def hand_over(
    client: Client, *, reason: str, heartbeat: Sequence[Any] = (), delay: timedelta = AT_ONCE
) -> NoReturn:
    """Ends the current attempt so that the next one may begin after `delay`; raises what the
    interceptor has to let through to the SDK.

    Args:
        reason: For a person who looks at the pending activity.
        heartbeat: The last details, which the next attempt gets.

    Raises:
        ApplicationError: the hand-over, of type `HANDED_OVER`; the SDK reports it.
        NotHandedOver: report what the activity ended with, in place of it.
    """
    info = activity.info()
    if info.is_local or info.workflow_id is None:
        raise NotHandedOver("only an activity that a workflow has on a task queue can be")
    handle = client.get_async_activity_handle(task_token=info.task_token)
    try:
        async with asyncio.timeout(_LIMIT):
            if await _cancel_requested(handle, heartbeat):
                await handle.report_cancellation()
                cancelled = True
            else:
                await _raise_bound(client, info)
                cancelled = False
    except (RPCError, TimeoutError) as error:
        raise NotHandedOver(str(error) or "no answer in time") from None
    if cancelled:
        activity.raise_complete_async()  # "already reported", to the SDK
    raise ApplicationError(
        reason,
        type=HANDED_OVER,
        next_retry_delay=delay,
        category=ApplicationErrorCategory.BENIGN,  # not a failure, in logs, metrics and traces
    )


async def _cancel_requested(handle: AsyncActivityHandle, heartbeat: Sequence[Any]) -> bool:
    """Asks by a heartbeat, which also fails where this attempt is not the current one any more.

    A request that came after the SDK had cancelled the activity for its own reason never reaches
    the activity. Failed after such a request, it would not be retried: its workflow would see a
    failure that is none.
    """
    try:
        await handle.heartbeat(*heartbeat)
    except AsyncActivityCancelledError as error:
        return error.details is None or error.details.cancel_requested  # else paused, or reset
    return False


async def _raise_bound(client: Client, info: activity.Info) -> None:
    """One more attempt, where they are bounded. Setting it twice is harmless."""
    policy = info.retry_policy
    if policy is None or not policy.maximum_attempts:
        return
    # Older servers have only this one of the two, not its successor UpdateActivityExecutionOptions.
    await client.workflow_service.update_activity_options(
        UpdateActivityOptionsRequest(
            namespace=info.namespace,
            execution=WorkflowExecution(
                workflow_id=info.workflow_id or "", run_id=info.workflow_run_id or ""
            ),
            id=info.activity_id,
            identity=client.identity,
            activity_options=ActivityOptions(
                retry_policy=RetryPolicy(maximum_attempts=policy.maximum_attempts + 1)
            ),
            update_mask=FieldMask(paths=["retry_policy.maximum_attempts"]),
        ),
        retry=True,
    )
