"""The parts of a Worker that we decide. Real Workers: tests/integration."""

from temporal_common.tuning import Tuning
from temporal_common.worker import _executor
from tests.support.probe.activities import hold, hold_thread


def test_each_slot_has_a_thread_where_there_is_a_synchronous_activity() -> None:
    executor = _executor([hold, hold_thread], Tuning(max_concurrent_activities=7))
    assert executor
    assert executor._max_workers == 7


def test_without_synchronous_activities_there_are_no_threads() -> None:
    assert _executor([hold], Tuning()) is None
