"""The record of steps behind the query `progress`."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError, TimeoutError

from tenant_catalog.contracts.steps import Progress, Step, StepState


class StepLog:
    """Steps of one workflow run, in order. Deterministic: its clock is the workflow's."""

    def __init__(self, *names: str) -> None:
        self._steps = {name: Step(name) for name in names}
        self._started: dict[str, datetime] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Runs the block as the step: running, then done, or failed with the error's message."""
        self._started[name] = workflow.now()
        self._set(name, state=StepState.RUNNING)
        try:
            yield
        except asyncio.CancelledError:
            self._set(name, state=StepState.FAILED, detail="cancelled")
            raise
        except FailureError as error:
            self._set(name, state=StepState.FAILED, detail=root_message(error))
            raise
        self._set(name, state=StepState.DONE)

    def detail(self, name: str, detail: str) -> None:
        """A word on how far a running step is, such as `2 of 4`."""
        self._set(name, detail=detail)

    def undone(self) -> None:
        """All that was done has been taken back."""
        for name, step in self._steps.items():
            if step.state is StepState.DONE:
                self._steps[name] = replace(step, state=StepState.UNDONE)

    def progress(self) -> Progress:
        return Progress(tuple(self._steps.values()))

    def _set(self, name: str, *, state: StepState | None = None, detail: str | None = None) -> None:
        step = self._steps[name]
        seconds = (workflow.now() - self._started[name]).total_seconds()
        self._steps[name] = replace(
            step,
            state=state or step.state,
            detail=step.detail if detail is None else detail,
            seconds=seconds,
        )


def root_message(error: BaseException) -> str:
    """Why an activity failed: the message of the error it raised last.

    An ActivityError only says that an activity failed, and the end of its time only that it did not
    succeed before. What lies below the activity's own error is the driver's, without advice.
    """
    while isinstance(error, ActivityError | TimeoutError) and error.__cause__ is not None:
        error = error.__cause__
    return getattr(error, "message", "") or str(error)
