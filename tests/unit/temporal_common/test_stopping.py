"""The request to stop, and the deadline behind it."""

import asyncio
import threading
from datetime import timedelta

import pytest

from temporal_common.stopping import Stop, unless_stopped
from tests.support.programs import program


async def test_the_first_reason_counts() -> None:
    stop = Stop()
    stop.request("SIGTERM")
    stop.request("SIGINT")
    await stop.wait()
    assert stop.reason == "SIGTERM"


async def test_a_request_from_another_thread_wakes_the_loop() -> None:
    stop = Stop()
    thread = threading.Thread(target=stop.request, args=("a thread",))
    thread.start()
    async with asyncio.timeout(5):
        await stop.wait()
    thread.join()


def test_a_request_after_the_loop_is_closed_is_harmless() -> None:
    async def make() -> Stop:
        return Stop()

    runner = asyncio.Runner()
    stop = runner.run(make())
    runner.close()
    stop.request("late")
    assert stop.reason == "late"


async def test_work_that_ends_before_the_stop_gives_its_result() -> None:
    async def work() -> str:
        return "done"

    assert await unless_stopped(Stop(), work()) == "done"


async def test_work_that_fails_raises() -> None:
    async def work() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await unless_stopped(Stop(), work())


async def test_work_that_is_stopped_has_ended_when_the_call_returns() -> None:
    stop = Stop()
    steps = []

    async def work() -> str:
        try:
            stop.request("now")
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            steps.append("cleaned up")
        return "done"

    assert await unless_stopped(stop, work()) is None
    assert steps == ["cleaned up"]


async def test_work_whose_caller_is_cancelled_is_cancelled_too() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    caller = asyncio.create_task(unless_stopped(Stop(), work()))
    await begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert ended.is_set()


async def test_a_block_that_ends_in_time_is_let_go_and_leaves_no_thread() -> None:
    stop = Stop()
    with stop.deadline(timedelta(seconds=60), lambda: 1):
        stop.request("now")
    for thread in threading.enumerate():
        if thread.name == "hard-deadline":
            thread.join(timeout=5)
            assert not thread.is_alive()


DEADLINE = """
    import asyncio, os, signal, time
    from datetime import timedelta
    from temporal_common.signals import stop_signals
    from temporal_common.stopping import Stop

    async def serve():
        stop = Stop()
        with stop_signals(stop.request), stop.deadline(timedelta(seconds={limit}), lambda: {code}):
            {body}

    asyncio.run(serve())
    print("ended by itself")
"""


@pytest.mark.parametrize("code", [0, 1])
def test_a_block_that_outlasts_its_limit_ends_the_process(code: int) -> None:
    body = 'stop.request("test"); await asyncio.Event().wait()'
    with program(DEADLINE.format(limit=0.1, code=code, body=body)) as process:
        assert "hard deadline reached" in process.says()
        assert process.ended()[0] == code


def test_a_held_event_loop_cannot_outlast_the_limit_either() -> None:
    body = "os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)"
    with program(DEADLINE.format(limit=0.1, code=1, body=body)) as process:
        assert "hard deadline reached" in process.says()
        assert process.ended()[0] == 1


def test_without_a_request_there_is_no_deadline() -> None:
    body = "await asyncio.sleep(0.3)"
    with program(DEADLINE.format(limit=0, code=1, body=body)) as process:
        assert process.says() == "ended by itself"
        assert process.ended()[0] == 0
