"""The command line itself: help, usage errors, what is loaded when."""

import json
import subprocess
import sys
from typing import Any

import pytest
from typer.main import get_command

from fleetctl.__main__ import invoke
from fleetctl.cli import app
from fleetctl.exit_codes import MEANINGS, ExitCode
from temporal_common.version import VERSION
from tests.support.commands import environment

Captured = pytest.CaptureFixture[str]

_ROOT: dict[str, Any] = get_command(app).commands  # type: ignore[attr-defined]
_GROUPS = {name for name, entry in _ROOT.items() if hasattr(entry, "commands")}
COMMANDS = sorted(
    [
        *(f"{group} {command}" for group in _GROUPS for command in _ROOT[group].commands),
        *(_ROOT.keys() - _GROUPS),
    ]
)


def test_there_is_a_command_for_each_thing_that_the_fleet_does() -> None:
    assert set(COMMANDS) == {
        *("tenant provision", "tenant status", "tenant list", "tenant delete", "tenant restore"),
        *("user onboard", "user verify", "token cleanup"),
        *("deploy status", "deploy ramp", "deploy promote", "deploy rollback", "deploy retire"),
        *("shards status", "shards plan", "doctor"),
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_has_an_example(command: str, capsys: Captured) -> None:
    code = invoke([*command.split(), "--help"])

    assert code == ExitCode.OK
    _, _, examples = capsys.readouterr().out.partition("Example")
    assert f"fleetctl {command}" in examples


def test_the_help_explains_every_exit_code(capsys: Captured) -> None:
    invoke(["--help"])

    shown = capsys.readouterr().out
    assert set(MEANINGS) == set(ExitCode)
    for code, meaning in MEANINGS.items():
        assert f"{code.value:>3}  {meaning}" in shown


def test_the_version_is_that_of_the_fleet(capsys: Captured) -> None:
    code = invoke(["--version"])

    assert (code, capsys.readouterr().out) == (ExitCode.OK, f"fleetctl {VERSION}\n")


@pytest.mark.parametrize("arguments", [[], ["tenant"], ["user"], ["token"], ["deploy"], ["shards"]])
def test_a_group_without_a_command_shows_its_help_and_is_a_usage_error(
    arguments: list[str], capsys: Captured
) -> None:
    code = invoke(arguments)

    assert code == ExitCode.USAGE
    assert "Usage: fleetctl" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["tenat"], "No such command 'tenat'. Did you mean 'tenant', 'token'? (see: fleetctl"),
        (["tenant", "provision", "acme"], "Missing option '--admin-email' (see: fleetctl tenant"),
        (["tenant", "status"], "Missing argument 'SLUG' (see: fleetctl tenant status --help)"),
        (["tenant", "status", "Acme Inc"], "Invalid value for SLUG: 'Acme Inc' is not a tenant"),
        (
            ["tenant", "provision", "acme", "--admin-email", "acme.test"],
            "Invalid value for --admin-email: 'acme.test' is not an e-mail address",
        ),
        (
            ["tenant", "delete", "acme", "--retention", "soon"],
            "Invalid value for --retention: 'soon' is not a duration; valid: such as 45s, 10m",
        ),
        (["tenant", "list", "--state", "new"], "Invalid value for '--state': 'new' is not one of"),
        (["user", "onboard", "acme", "ada"], "Invalid value for EMAIL: 'ada' is not an e-mail"),
        (["token", "cleanup", "--batch-size", "0"], "Invalid value for '--batch-size': "),
        (["deploy", "ramp", "x", "v2"], "Missing option '--percentage' (see: fleetctl deploy ramp"),
        (["deploy", "ramp", "x", "v2", "--percentage", "0"], "0 is not a ramp; valid: 0.01 to 99"),
        (["shards", "plan"], "Missing option '--to' (see: fleetctl shards plan --help)"),
        (["shards", "plan", "--to", "1001"], "Invalid value for '--to': "),
        (["doctor", "--longest-wait", "soon"], "Invalid value for --longest-wait: 'soon' is not"),
    ],
)
def test_a_usage_error_is_one_line_with_what_is_valid(
    arguments: list[str], line: str, capsys: Captured
) -> None:
    code = invoke(arguments)

    captured = capsys.readouterr()
    assert code == ExitCode.USAGE
    assert captured.out == ""
    assert captured.err.startswith(f"fleetctl: {line}")
    assert captured.err.count("\n") == 1


def test_with_json_a_usage_error_is_a_document(capsys: Captured) -> None:
    code = invoke(["tenant", "status", "--json"])

    captured = capsys.readouterr()
    assert code == ExitCode.USAGE
    assert json.loads(captured.out)["error"]["type"] == "UsageError"
    assert captured.err == ""


def test_an_internal_error_is_no_traceback(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("fleetctl.tenants.run", fail)

    code = invoke(["tenant", "restore", "acme"])

    assert code == ExitCode.FAILED
    assert capsys.readouterr().err.startswith("fleetctl: internal error, please report it: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["tenant", "provision", "--help"],
        ["doctor", "--help"],
        ["shards", "plan", "--to", "0"],
        ["tenat"],
    ],
)
def test_help_and_usage_errors_need_neither_temporal_nor_a_database_driver(
    arguments: list[str],
) -> None:
    loaded = subprocess.run(
        [
            *(sys.executable, "-c"),
            "import sys; from fleetctl.__main__ import invoke; invoke(sys.argv[1:]);"
            "sys.exit(bool({'temporalio', 'psycopg', 'opentelemetry'} & sys.modules.keys()))",
            *arguments,
        ],
        env=environment({}),
        capture_output=True,
        check=False,
    )

    assert loaded.returncode == 0, loaded.stderr


def test_ctrl_c_before_anything_is_started_is_interrupted(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("fleetctl.tenants.run", interrupt)

    code = invoke(["tenant", "restore", "acme"])

    assert code == ExitCode.INTERRUPTED
    assert capsys.readouterr() == ("", "fleetctl: interrupted\n")
