"""Progress of a workflow that works through named steps, as a client may follow it by query."""

from dataclasses import dataclass
from enum import StrEnum


class StepState(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNDONE = "undone"
    """Was done, and was taken back because a later step failed for good."""


@dataclass(frozen=True)
class Step:
    """One step. `seconds` is the time from its start to its end, by the workflow's clock."""

    name: str
    state: StepState = StepState.PENDING
    detail: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class Progress:
    """All steps, in the order in which they run."""

    steps: tuple[Step, ...]
