"""Input and result of an errand."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Errand:
    """Activities at once; then, after a pause, as many again."""

    seconds: float
    """That each activity takes."""
    count: int = 1
    pause: float = 0
    """Seconds of the workflow's timer; 0 for neither a timer nor the second half."""


@dataclass(frozen=True)
class Ran:
    """What an activity saw."""

    began: float
    """Seconds since the epoch."""
    waited: float
    """Seconds from its scheduling to its start."""
    at_once: int
    """Activities that ran in its process when it began, itself included."""
