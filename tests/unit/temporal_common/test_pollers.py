"""Whether this process polls, by what the server lists. On a real server: tests/integration."""

from datetime import UTC, datetime, timedelta

import pytest

from temporal_common.pollers import PollerAccess

THEN = datetime(2026, 11, 1, tzinfo=UTC)
NOW = THEN + timedelta(seconds=1)
NEVER = PollerAccess(None, None)


@pytest.mark.parametrize(
    ("before", "access", "polls"),
    [
        (NEVER, NEVER, False),
        (NEVER, PollerAccess(NOW, None), False),
        (NEVER, PollerAccess(None, NOW), False),
        (NEVER, PollerAccess(NOW, NOW), True),
        (PollerAccess(THEN, THEN), PollerAccess(THEN, THEN), False),
        (PollerAccess(THEN, THEN), PollerAccess(NOW, THEN), False),
        (PollerAccess(THEN, THEN), PollerAccess(THEN, NOW), False),
        (PollerAccess(THEN, THEN), PollerAccess(NOW, NOW), True),
        (PollerAccess(THEN, THEN), NEVER, False),
    ],
)
def test_both_kinds_of_polls_must_have_begun_anew(
    before: PollerAccess, access: PollerAccess, polls: bool
) -> None:
    assert access.later_than(before) is polls
