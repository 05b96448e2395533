"""Durations as people write them: `5s`, `10m`, `2h`, `30d`, `1h30m`."""

import re
from datetime import timedelta
from typing import Final

LONGEST: Final = timedelta(days=3650)
"""Ten years: beyond any retention, and far inside what `timedelta` and Temporal's timers hold."""

DURATION_RULE: Final = "such as 45s, 10m, 2h, 30d or 1h30m, from 1s to 3650d"

# Up to nine digits: more could not be inside the limit, and would overflow a timedelta.
_FORM: Final = re.compile(
    r"(?:(?P<days>[0-9]{1,9})d)?(?:(?P<hours>[0-9]{1,9})h)?"
    r"(?:(?P<minutes>[0-9]{1,9})m)?(?:(?P<seconds>[0-9]{1,9})s)?"
)


class InvalidDuration(ValueError):
    """Not a duration. The message says what is valid."""


def parse_duration(text: str) -> timedelta:
    """The duration that `text` writes, larger units first.

    Raises:
        InvalidDuration: with the rule.
    """
    match = _FORM.fullmatch(text.strip().lower())
    parts = {unit: int(number) for unit, number in match.groupdict("0").items()} if match else {}
    duration = timedelta(**parts)
    if not timedelta(seconds=1) <= duration <= LONGEST:
        raise InvalidDuration(f"{text!r} is not a duration; valid: {DURATION_RULE}")
    return duration


def format_duration(duration: timedelta) -> str:
    """The inverse of `parse_duration`, to whole seconds: `1h30m`. Nothing is `0s`."""
    rest = max(round(duration.total_seconds()), 0)
    written = ""
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, seconds)
        written += f"{count}{unit}" if count else ""
    return written or "0s"
