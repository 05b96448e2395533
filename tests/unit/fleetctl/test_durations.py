"""Durations as people write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetctl.durations import LONGEST, InvalidDuration, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("5s", timedelta(seconds=5)),
        ("10m", timedelta(minutes=10)),
        ("2h", timedelta(hours=2)),
        ("30d", timedelta(days=30)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("1d2h3m4s", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("90m", timedelta(minutes=90)),
        (" 2H ", timedelta(hours=2)),
        ("3650d", LONGEST),
    ],
)
def test_a_duration_is_numbers_with_units(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "s",
        "5x",
        "1.5h",
        "-5s",
        "0s",
        "30m1h",
        "1h1h",
        "1 h",
        "3651d",
        "9" * 30 + "d",
        "٣s",
    ],
)
def test_anything_else_is_refused_with_what_is_valid(text: str) -> None:
    with pytest.raises(InvalidDuration, match=r"is not a duration; valid: such as 45s"):
        parse_duration(text)


@given(st.integers(min_value=1, max_value=int(LONGEST.total_seconds())))
def test_a_written_duration_reads_back(seconds: int) -> None:
    duration = timedelta(seconds=seconds)

    assert parse_duration(format_duration(duration)) == duration


def test_no_time_is_written_as_zero_seconds() -> None:
    assert format_duration(timedelta(milliseconds=-300)) == "0s"
