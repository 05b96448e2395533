"""Where a hand-over is not possible, the activity ends with what it raised."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from temporalio.activity import ActivityCancellationDetails
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import (
    ActivityInboundInterceptor,
    ActivityOutboundInterceptor,
    ExecuteActivityInput,
)

from dev_servers.temporal_server import temporal_server
from temporal_common.errors import Unavailable
from temporal_common.handover import NotHandedOver, hand_over
from temporal_common.interceptors import ActivityInterceptor, RunningActivities

SHUTDOWN = ActivityCancellationDetails(worker_shutdown=True)
BY_WORKFLOW = ActivityCancellationDetails(cancel_requested=True)


class Activity(ActivityInboundInterceptor):
    """Waits, and raises `error` when it is cancelled."""

    def __init__(self, error: BaseException | None) -> None:
        self.begun = asyncio.Event()
        self._error = error

    def init(self, outbound: ActivityOutboundInterceptor) -> None:
        pass

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as cancelled:
            raise self._error or cancelled from None


async def cancelled(
    client: Client, why: ActivityCancellationDetails, error: BaseException | None = None
) -> None:
    """Runs an activity that the server does not know, cancels it; raises what the SDK would get."""
    environment = ActivityEnvironment()
    chain = Activity(error)

    async def in_activity() -> None:
        interceptor = ActivityInterceptor(RunningActivities(1), client)
        inbound = interceptor.intercept_activity(chain)
        inbound.init(ActivityOutboundInterceptor(None))  # type: ignore[arg-type]  # not called
        await inbound.execute_activity(
            ExecuteActivityInput(fn=in_activity, args=[], executor=None, headers={})
        )

    task = asyncio.create_task(environment.run(in_activity))
    await chain.begun.wait()
    environment.cancel(why)
    await task


async def test_an_attempt_that_is_not_the_current_one_ends_as_cancelled(
    temporal_client: Client,
) -> None:
    with pytest.raises(asyncio.CancelledError):
        await cancelled(temporal_client, SHUTDOWN)


async def test_an_error_keeps_its_own_decision(temporal_client: Client) -> None:
    with pytest.raises(ApplicationError) as failure:
        await cancelled(temporal_client, SHUTDOWN, Unavailable("the database is away"))
    assert failure.value.type == "Unavailable"


async def test_a_server_that_does_not_answer_is_waited_for_only_so_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("temporal_common.handover._LIMIT", 0.1)
    async with temporal_server() as server:
        client = await Client.connect(server.address)
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(5):
            await cancelled(client, SHUTDOWN)


async def test_a_cancellation_by_the_workflow_asks_the_server_nothing() -> None:
    nowhere = await Client.connect("127.0.0.1:1", lazy=True)
    with pytest.raises(asyncio.CancelledError):
        await cancelled(nowhere, BY_WORKFLOW)


@pytest.mark.parametrize("info", [{"is_local": True}, {"workflow_id": None}])
async def test_what_no_other_worker_could_take_is_not_handed_over(
    temporal_client: Client, info: dict[str, Any]
) -> None:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, **info)

    async def in_activity() -> None:
        await hand_over(temporal_client, reason="test")

    with pytest.raises(NotHandedOver):
        await environment.run(in_activity)
