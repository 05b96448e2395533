"""The record of steps behind the query."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from benchmarks.workloads.orders.models import Progress, Step


@dataclass
class Running:
    name: str
    since: datetime


class StepLog:
    """Deterministic: its clock is the workflow's."""

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self.running: Running | None = None

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        self.running = running = Running(name, workflow.now())
        failed = True
        try:
            yield
            failed = False
        finally:
            seconds = (workflow.now() - running.since).total_seconds()
            self._steps.append(Step(name, seconds, failed))
            self.running = None

    def progress(self) -> Progress:
        return Progress(list(self._steps))
