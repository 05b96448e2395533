"""The build id of an image."""

from pathlib import Path

import pytest

from temporal_common.build_id import image_build_id
from temporal_common.service import load_service_settings


def test_it_is_what_the_image_says_beside_its_packages(tmp_path: Path) -> None:
    (tmp_path / "build-id").write_text("e3cd4062ff54\n")
    assert image_build_id(tmp_path) == "e3cd4062ff54"


def test_outside_an_image_there_is_none(tmp_path: Path) -> None:
    assert image_build_id(tmp_path) is None


def test_the_environment_wins_over_the_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "build-id").write_text("e3cd4062ff54\n")
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    assert load_service_settings([], health_port=0).build_id == "e3cd4062ff54"
    monkeypatch.setenv("TEMPORAL_WORKER_BUILD_ID", "v2")
    assert load_service_settings([], health_port=0).build_id == "v2"
