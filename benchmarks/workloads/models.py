"""Inputs and results of the benchmarks' work."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tasks:
    """Activities that a workflow starts at once."""

    activity: str
    seconds: float
    """That each of them takes."""
    count: int = 1


@dataclass(frozen=True)
class Waited:
    """How long the activities of a workflow waited, each from its scheduling to its start."""

    seconds: list[float]
