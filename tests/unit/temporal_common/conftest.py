"""Tests of the library's modules read no settings of whoever runs them."""

import os
from pathlib import Path

import pytest

SETTINGS = ("TEMPORAL_", "WORKER_", "HEALTH_", "LOG_", "OTEL_", "XDG_")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(SETTINGS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))  # may hold a temporal.toml
