"""What goes to stdout and stderr, and how."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from fleetctl import output
from fleetctl.exit_codes import ExitCode
from fleetctl.failures import Failure

Captured = pytest.CaptureFixture[str]


def test_results_go_to_stdout_and_notes_to_stderr(capsys: Captured) -> None:
    output.result("what was asked for")
    output.note("how it goes")

    assert capsys.readouterr() == ("what was asked for\n", "how it goes\n")


def test_a_failure_is_a_line_on_stderr(capsys: Captured) -> None:
    output.report(Failure("no tenant", type="X", code=ExitCode.NOT_FOUND), as_json=False)

    assert capsys.readouterr() == ("", "fleetctl: no tenant\n")


def test_each_of_several_wrong_settings_has_its_line(capsys: Captured) -> None:
    output.report(Failure("A=1\nB=2", type="SettingsError", code=ExitCode.USAGE), as_json=False)

    assert capsys.readouterr().err == "fleetctl: A=1\nfleetctl: B=2\n"


def test_with_json_a_failure_is_a_document_on_stdout(capsys: Captured) -> None:
    output.report(Failure("no tenant", type="X", code=ExitCode.NOT_FOUND), as_json=True)

    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"error": {"type": "X", "message": "no tenant"}}
    assert captured.err == ""


def test_times_in_a_document_are_in_utc(capsys: Captured) -> None:
    noon_in_berlin = datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=2)))

    output.document({"at": noon_in_berlin})

    assert json.loads(capsys.readouterr().out) == {"at": "2026-07-01T10:00:00Z"}


def test_columns_in_a_pipe_are_aligned(capsys: Captured) -> None:
    output.table(["slug", "state"], [["a", "active"], ["longer", "failed"]])

    assert capsys.readouterr().out == "SLUG    STATE\na       active\nlonger  failed\n"


def test_facts_without_a_value_are_left_out() -> None:
    assert output.facts([("slug", "acme"), ("failure", ""), ("id", "1")]) == "slug  acme\nid    1"


def test_control_characters_do_not_reach_the_terminal(capsys: Captured) -> None:
    output.note("red \x1b[31m and \x07")

    assert capsys.readouterr().err == "red �[31m and �\n"


def test_a_moment_is_written_in_utc_to_the_second() -> None:
    assert output.moment(datetime(2026, 1, 2, 3, 4, 5, 678, UTC)) == "2026-01-02 03:04:05 UTC"
    assert output.moment(None) == ""
