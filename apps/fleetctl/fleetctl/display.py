"""Steps of work that takes its time: live on a terminal, a line for each change in a pipe."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from fleetctl.output import note, printable
from tenant_catalog.contracts.steps import Step, StepState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.spinner import Spinner
    from rich.table import Table
    from rich.text import Text

_STYLES: Final = {
    StepState.PENDING: ("·", "-", "dim"),
    StepState.DONE: ("✔", "+", "green"),
    StepState.FAILED: ("✘", "x", "red"),
    StepState.UNDONE: ("↩", "<", "yellow"),
}
"""Mark, mark on a terminal without Unicode, style. A running step has a spinner."""


class Display(Protocol):
    """Shows how work goes on, on stderr."""

    def show(self, steps: "Sequence[Step]") -> None:
        """The steps as they are now."""

    def remark(self, text: str) -> None:
        """A sentence that belongs to the steps; the next one replaces it, an empty one removes."""


@contextmanager
def open_display() -> Iterator[Display]:
    """The display that fits stderr."""
    if sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        from rich.console import Console
        from rich.live import Live

        display = LiveDisplay(Console(file=sys.stderr))
        with Live(
            get_renderable=display.render,
            console=display.console,
            refresh_per_second=10,
            # What the command writes itself must not go through Rich.
            redirect_stdout=False,
            redirect_stderr=False,
        ):
            yield display
    else:
        yield PlainDisplay()


class PlainDisplay:
    """A line for each change of a step's state."""

    def __init__(self) -> None:
        self._shown: dict[str, StepState] = {}
        self._remark = ""

    def show(self, steps: "Sequence[Step]") -> None:
        for step in steps:
            if step.state is not self._shown.get(step.name, StepState.PENDING):
                note(_line(step))
            self._shown[step.name] = step.state

    def remark(self, text: str) -> None:
        if text and text != self._remark:
            note(text)
        self._remark = text


class LiveDisplay:
    """A table that changes in place. `render` is called from Rich's own thread."""

    def __init__(self, console: "Console") -> None:
        from rich.spinner import Spinner

        self.console = console
        self._ascii = console.options.ascii_only
        self._spinner = Spinner("line" if self._ascii else "dots", style="cyan")
        self._steps: Sequence[Step] = ()
        self._since: dict[str, float] = {}
        self._remark = ""

    def show(self, steps: "Sequence[Step]") -> None:
        for step in steps:
            if step.state is StepState.RUNNING:
                self._since.setdefault(step.name, time.monotonic())
        self._steps = steps

    def remark(self, text: str) -> None:
        self._remark = text

    def render(self) -> "Table":
        from rich.table import Table
        from rich.text import Text

        whole = Table.grid()
        steps = Table.grid(padding=(0, 2, 0, 0))
        for step in self._steps:
            style = "" if step.state is StepState.RUNNING else _STYLES[step.state][2]
            steps.add_row(
                self._mark(step, style),
                Text(step.name, style="dim" if step.state is StepState.PENDING else ""),
                # Of one width at least: the names must not move when the first time appears.
                Text(f"{self._time(step):>8}{printable(_detail(step))}", style="dim"),
            )
        whole.add_row(steps)
        if self._remark:
            whole.add_row(Text(printable(self._remark), style="yellow"))
        return whole

    def _mark(self, step: Step, style: str) -> "Spinner | Text":
        from rich.text import Text

        if step.state is StepState.RUNNING:
            return self._spinner
        return Text(_STYLES[step.state][1 if self._ascii else 0], style=style)

    def _time(self, step: Step) -> str:
        if step.state is StepState.PENDING:
            return ""
        if step.state is StepState.RUNNING and step.name in self._since:
            return f"{time.monotonic() - self._since[step.name]:.0f} s"
        return _seconds(step)


def _line(step: Step) -> str:
    if step.state is StepState.DONE:
        took = f" in {_seconds(step)}" if step.seconds is not None else ""
        return f"{step.name}: done{took}"
    return f"{step.name}: {step.state}{_detail(step)}"


def _detail(step: Step) -> str:
    """How far a running step is. Why one failed is what the command ends with."""
    return f" ({step.detail})" if step.detail and step.state is StepState.RUNNING else ""


def _seconds(step: Step) -> str:
    return "" if step.seconds is None else f"{step.seconds:.2f} s"
