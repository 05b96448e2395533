"""An error's class is the decision about a retry."""

import pytest

from temporal_common.errors import FleetError, Refused, SettingsError, Unavailable
from temporal_common.queues import InvalidTaskQueue


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        (FleetError, True),
        (Unavailable, True),
        (Refused, False),
        (SettingsError, False),
        (InvalidTaskQueue, False),
    ],
)
def test_a_class_says_whether_trying_again_can_help(
    error: type[FleetError], retryable: bool
) -> None:
    assert error("why").retryable is retryable
