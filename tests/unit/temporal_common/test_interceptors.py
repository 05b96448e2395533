"""What wraps an activity, with the activity and the server left out."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import (
    ActivityInboundInterceptor,
    ActivityOutboundInterceptor,
    ExecuteActivityInput,
)

from temporal_common.errors import FleetError, Refused, Unavailable
from temporal_common.interceptors import ActivityInterceptor, RunningActivities

Work = Callable[[], Awaitable[Any]]


class Activity(ActivityInboundInterceptor):
    """The end of the chain."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def init(self, outbound: ActivityOutboundInterceptor) -> None:
        self.outbound = outbound

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        return await self.work()


class Beats(ActivityOutboundInterceptor):
    """The other end: what is sent to the server."""

    def __init__(self) -> None:
        self.sent: list[tuple[Any, ...]] = []
        self.enough = asyncio.Event()

    def heartbeat(self, *details: Any) -> None:
        self.sent.append(details)
        if len(self.sent) == 3:
            self.enough.set()


class TenantExists(Refused):
    pass


async def no_server() -> Client:
    """What is tested here makes no calls."""
    return await Client.connect("127.0.0.1:1", lazy=True)


async def execute(work: Work, running: RunningActivities) -> Any:
    client = await no_server()

    async def in_activity() -> Any:
        chain = ActivityInterceptor(running, client).intercept_activity(Activity(work))
        chain.init(Beats())
        return await chain.execute_activity(
            ExecuteActivityInput(fn=work, args=[], executor=None, headers={})
        )

    return await ActivityEnvironment().run(in_activity)


@pytest.mark.parametrize(
    ("error", "non_retryable"),
    [(TenantExists("acme"), True), (Unavailable("acme"), False), (FleetError("acme"), False)],
    ids=lambda value: type(value).__name__,
)
async def test_an_error_of_the_fleet_becomes_its_own_decision_about_a_retry(
    error: FleetError, non_retryable: bool
) -> None:
    async def work() -> None:
        raise error

    with pytest.raises(ApplicationError) as failure:
        await execute(work, RunningActivities(1))
    assert failure.value.message == "acme"
    assert failure.value.type == type(error).__name__
    assert failure.value.non_retryable is non_retryable
    assert failure.value.__cause__ is error


async def test_every_other_error_stays_what_it_is() -> None:
    async def work() -> None:
        raise KeyError("slug")

    with pytest.raises(KeyError):
        await execute(work, RunningActivities(1))


async def test_an_activity_counts_while_it_runs() -> None:
    running = RunningActivities(1)

    async def work() -> int:
        return running.count

    assert await execute(work, running) == 1
    assert running.count == 0


async def test_an_activity_that_fails_gives_its_place_back() -> None:
    running = RunningActivities(1)

    async def work() -> None:
        raise Unavailable("the database is away")

    with pytest.raises(ApplicationError):
        await execute(work, running)
    assert (running.count, running.slots.locked()) == (0, False)


async def test_an_activity_that_is_cancelled_while_it_waits_takes_no_place() -> None:
    running = RunningActivities(1)
    begun, end = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await end.wait()

    first = asyncio.create_task(execute(work, running))
    await begun.wait()
    second = asyncio.create_task(execute(work, running))
    for _ in range(5):  # turns of the loop, until it waits for the budget
        await asyncio.sleep(0)
    assert running.slots._waiters
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert running.count == 1

    end.set()
    await first
    assert (running.count, running.slots.locked()) == (0, False)


async def test_no_place_is_lost_when_an_activity_is_cancelled_in_the_moment_it_gets_one() -> None:
    running = RunningActivities(1)
    begun, end = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await end.wait()

    first = asyncio.create_task(execute(work, running))
    await begun.wait()
    second = asyncio.create_task(execute(work, running))
    while not running.slots._waiters:  # noqa: ASYNC110  # turns of the loop
        await asyncio.sleep(0)
    end.set()
    while not first.done():  # noqa: ASYNC110
        await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)

    await asyncio.sleep(0)
    assert (running.count, running.slots.locked()) == (0, False)


async def beaten(beat: Callable[[ActivityOutboundInterceptor], None], **info: Any) -> list[Any]:
    """What is sent for an activity that lasts three beats and first does `beat` itself."""
    beats = Beats()
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, heartbeat_timeout=timedelta(seconds=0.04), **info)
    interceptor = ActivityInterceptor(RunningActivities(1), await no_server())

    async def in_activity() -> None:
        activity = Activity(lambda: work())
        chain = interceptor.intercept_activity(activity)
        chain.init(beats)

        async def work() -> None:
            beat(activity.outbound)
            await beats.enough.wait()

        await chain.execute_activity(
            ExecuteActivityInput(fn=work, args=[], executor=None, headers={})
        )

    async with asyncio.timeout(5):
        await environment.run(in_activity)
    return beats.sent


async def test_an_activity_with_a_heartbeat_timeout_is_beaten_for() -> None:
    assert await beaten(lambda _outbound: None) == [(), (), ()]


async def test_what_the_activity_said_last_is_repeated() -> None:
    sent = await beaten(lambda outbound: outbound.heartbeat("table 7"))
    assert sent == [("table 7",)] * 3


async def test_until_it_says_something_what_a_former_attempt_said_is_kept() -> None:
    sent = await beaten(lambda _outbound: None, heartbeat_details=["table 3"])
    assert sent == [("table 3",)] * 3


async def test_an_activity_without_a_heartbeat_timeout_is_not_beaten_for() -> None:
    async def work() -> int:
        return len([task for task in asyncio.all_tasks() if "kept_alive" in repr(task)])

    assert await execute(work, RunningActivities(1)) == 0
