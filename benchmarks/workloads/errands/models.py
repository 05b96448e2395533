"""Input and result of an errand."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Errand:
    """Activities at once; after a pause as many again."""

    seconds: float
    """That each activity takes."""
    count: int = 1
    pause: float | None = None
    """Seconds on a timer before the second half, 0 for no timer; None for no second half."""


@dataclass(frozen=True)
class Ran:
    """What an activity saw."""

    began: float
    """Seconds since the epoch."""
    waited: float
    """Seconds from its scheduling to its start."""
    at_once: int
    """Activities that ran in its process when it began, itself included."""
