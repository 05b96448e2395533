"""The build id of an image."""

from pathlib import Path

from temporal_common.build_id import image_build_id


def test_it_is_what_the_image_says_beside_its_packages(tmp_path: Path) -> None:
    (tmp_path / "build-id").write_text("e3cd4062ff54\n")
    assert image_build_id(tmp_path) == "e3cd4062ff54"


def test_outside_an_image_there_is_none(tmp_path: Path) -> None:
    assert image_build_id(tmp_path) is None


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "build-id").write_text("\n")
    assert image_build_id(tmp_path) is None
