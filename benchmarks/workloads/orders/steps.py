"""The record of steps behind the query."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from temporalio import workflow


@dataclass
class Step:
    name: str
    seconds: float
    failed: bool = False


@dataclass
class Progress:
    steps: list[Step]
    running: str | None = None


class StepLog:
    """Deterministic: its clock is the workflow's."""

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self._running: str | None = None

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        began, failed = workflow.now(), True
        self._running = name
        try:
            yield
            failed = False
        finally:
            seconds = (workflow.now() - began).total_seconds()
            self._steps.append(Step(name, seconds, failed))
            self._running = None

    def progress(self) -> Progress:
        return Progress(list(self._steps), self._running)
