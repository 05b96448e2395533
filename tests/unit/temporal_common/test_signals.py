"""Real signals in a process of their own."""

import signal
from collections.abc import Iterator

import pytest

from temporal_common.signals import STOP_SIGNALS, exit_quietly_on_signals, stop_signals
from tests.support.programs import program

WAITS = """
    import signal, time
    from temporal_common import signals

    signals._SAME_PRESS = {same_press}
    with signals.stop_signals(lambda name: print("asked by", name)):
        print("waiting")
        while True:
            time.sleep(60)  # a signal interrupts it for its handler only
"""

numbers = pytest.mark.parametrize("number", STOP_SIGNALS, ids=lambda number: number.name)


@pytest.fixture
def handlers() -> Iterator[None]:
    """Puts this process's handlers back."""
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@numbers
def test_the_first_signal_calls_back_and_ends_nothing(number: signal.Signals) -> None:
    with program(WAITS.format(same_press=60)) as process:
        assert process.says() == "waiting"
        process.send(number)
        assert process.says() == f"asked by {number.name}"

        process.send(signal.SIGKILL)
        assert process.ended() == (-signal.SIGKILL, "")


@numbers
def test_a_second_signal_ends_the_process_with_128_and_its_number(number: signal.Signals) -> None:
    with program(WAITS.format(same_press=0)) as process:
        assert process.says() == "waiting"
        process.send(signal.SIGTERM)
        assert process.says() == "asked by SIGTERM"
        process.send(number)

        assert process.ended() == (
            128 + number,
            f"{number.name} again: ended without draining\n",
        )


def test_a_signal_that_arrives_twice_at_once_counts_once() -> None:
    with program(WAITS.format(same_press=60)) as process:
        assert process.says() == "waiting"
        process.send(signal.SIGINT)
        assert process.says() == "asked by SIGINT"
        process.send(signal.SIGINT)
        process.send(signal.SIGTERM)
        process.send(signal.SIGKILL)

        assert process.ended() == (-signal.SIGKILL, "")


@numbers
def test_before_there_is_anything_to_drain_a_signal_ends_the_process_quietly(
    number: signal.Signals,
) -> None:
    with program(
        """
        import time
        from temporal_common.entrypoint import main

        def slow_imports():
            print("importing")
            time.sleep(60)

        main(slow_imports, health_port=0)
        """
    ) as process:
        assert process.says() == "importing"
        process.send(number)

        assert process.ended() == (128 + number, "")


@pytest.mark.usefixtures("handlers")
def test_the_handlers_that_were_there_are_put_back() -> None:
    exit_quietly_on_signals()
    before = [signal.getsignal(number) for number in STOP_SIGNALS]
    with stop_signals(lambda _name: None):
        assert [signal.getsignal(number) for number in STOP_SIGNALS] != before
    assert [signal.getsignal(number) for number in STOP_SIGNALS] == before
