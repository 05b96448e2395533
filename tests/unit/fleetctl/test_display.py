"""The steps of work, in a pipe and on a terminal."""

import io

import pytest
from rich.console import Console

from fleetctl.display import LiveDisplay, PlainDisplay
from tenant_catalog.contracts.steps import Step, StepState

Captured = pytest.CaptureFixture[str]


def console(screen: io.BytesIO, encoding: str) -> Console:
    return Console(file=io.TextIOWrapper(screen, encoding, write_through=True), width=80)


def drawn(*steps: Step, remark: str = "", encoding: str = "utf-8") -> list[str]:
    """The lines that a terminal of that encoding shows."""
    screen = io.BytesIO()
    display = LiveDisplay(console(screen, encoding))
    display.show(steps)
    display.remark(remark)
    display.console.print(display.render())
    return screen.getvalue().decode(encoding).splitlines()


def test_in_a_pipe_a_step_has_a_line_for_each_change(capsys: Captured) -> None:
    display = PlainDisplay()

    display.show([Step("schema"), Step("admin")])
    display.show([Step("schema", StepState.RUNNING), Step("admin")])
    display.show([Step("schema", StepState.RUNNING), Step("admin")])
    display.show([Step("schema", StepState.DONE, seconds=0.5), Step("admin", StepState.FAILED)])
    display.show([Step("schema", StepState.UNDONE), Step("admin", StepState.FAILED)])

    assert capsys.readouterr().err.splitlines() == [
        *("schema: running", "schema: done in 0.50 s", "admin: failed", "schema: undone")
    ]


def test_a_running_step_says_how_far_it_is(capsys: Captured) -> None:
    PlainDisplay().show([Step("migrations", StepState.RUNNING, "2 of 4", 0.1)])

    assert capsys.readouterr().err == "migrations: running (2 of 4)\n"


def test_in_a_pipe_a_remark_is_said_once_until_it_changes(capsys: Captured) -> None:
    display = PlainDisplay()

    for remark in ("", "no worker", "no worker", "", "no worker"):
        display.remark(remark)

    assert capsys.readouterr().err == "no worker\nno worker\n"


def test_on_a_terminal_all_steps_are_shown_with_their_state() -> None:
    lines = drawn(
        Step("schema", StepState.DONE, seconds=0.25),
        Step("migrations", StepState.RUNNING, "2 of [4]"),
        Step("admin", StepState.PENDING),
        Step("mail", StepState.FAILED),
        Step("reserve", StepState.UNDONE),
        remark="take it back with: [b]",
    )

    assert lines[0].split() == ["✔", "schema", "0.25", "s"]
    assert lines[1].split()[1:] == ["migrations", "0", "s", "(2", "of", "[4])"]
    assert [line.split()[0] for line in lines[2:5]] == ["·", "✘", "↩"]
    assert lines[5].strip() == "take it back with: [b]"


def test_a_terminal_without_unicode_gets_plain_marks() -> None:
    lines = drawn(
        Step("schema", StepState.DONE), Step("admin", StepState.RUNNING), encoding="ascii"
    )

    assert lines[0].split() == ["+", "schema"]
    assert lines[1].split()[0] in "-\\|/"
