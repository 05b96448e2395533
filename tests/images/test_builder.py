"""What `./pants package` calls as `docker`: it chooses a builder, or says what is missing."""

import os
import subprocess
from pathlib import Path

import pytest

BUILDER = Path("deploy/images/builder/docker").resolve()
ANSWERS = '#!/bin/sh\n[ "$1" = version ] || echo "$0" "$@"\n'
REFUSES = "#!/bin/sh\necho 'is the docker daemon running?' >&2\nexit 1\n"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder that is all of PATH, with what the builder itself needs."""
    for name in ("sh", "grep"):
        (tmp_path / name).symlink_to(f"/bin/{name}")
    return tmp_path


def install(programs: Path, name: str, text: str) -> None:
    (programs / name).write_text(text)
    (programs / name).chmod(0o755)


def build(
    programs: Path, *, tag: str = "a:b", base: str = "python", **environment: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["/bin/sh", BUILDER, "build", "--build-arg", f"BASE_IMAGE={base}", "--tag", tag, "."],
        env={"PATH": str(programs), **environment},
        capture_output=True,
        text=True,
    )


def test_without_docker_and_podman_it_says_what_to_install_and_how_to_build_a_pex(
    programs: Path,
) -> None:
    ended = build(programs)
    assert ended.returncode == 1
    assert "neither Docker" in ended.stderr
    assert "apt-get install podman" in ended.stderr
    assert "./pants package services/worker-tenant:worker-tenant" in ended.stderr


def test_docker_builds_when_its_daemon_answers(programs: Path) -> None:
    install(programs, "docker", ANSWERS)
    install(programs, "podman", ANSWERS)
    said = build(programs).stdout
    assert said.split()[:2] == [f"{programs}/docker", "build"]
    assert "--build-arg SOURCE_DATE_EPOCH=0 --build-arg BASE_IMAGE=python --tag a:b ." in said


def test_podman_builds_when_docker_is_a_client_without_a_daemon(programs: Path) -> None:
    install(programs, "docker", REFUSES)
    install(programs, "podman", ANSWERS)
    said = build(programs).stdout
    assert said.split()[:2] == [f"{programs}/podman", "build"]
    assert "--timestamp 0 --layers --build-arg BASE_IMAGE=python --tag a:b ." in said


def test_podman_under_dockers_name_is_called_as_podman(programs: Path) -> None:
    install(programs, "podman", ANSWERS)
    install(programs, "docker", '#!/bin/sh\necho "podman version 4.3.1"\n')
    assert build(programs).stdout.split()[0] == f"{programs}/podman"


def test_the_environment_can_choose_the_builder(programs: Path) -> None:
    install(programs, "docker", ANSWERS)
    install(programs, "podman", ANSWERS)
    chosen = build(programs, IMAGE_BUILDER="podman")
    assert chosen.stdout.split()[0] == f"{programs}/podman"
    wrong = build(programs, IMAGE_BUILDER="kaniko")
    assert wrong.returncode == 1
    assert "IMAGE_BUILDER=kaniko is not valid: docker or podman" in wrong.stderr


@pytest.mark.parametrize("tag", ["worker-tenant:0.1.0", "registry:5000/worker-tenant:0.1.0"])
def test_a_release_is_built_on_a_base_with_a_digest_only(programs: Path, tag: str) -> None:
    install(programs, "podman", ANSWERS)
    moving = build(programs, tag=tag, base="registry:5000/python:3.11-slim")
    assert moving.returncode == 1
    assert f"{tag} is a release, so its base must be pinned: BASE_IMAGE=" in moving.stderr
    assert build(programs, tag=tag, base=f"python@sha256:{'0' * 64}").returncode == 0


def test_an_image_for_development_may_have_a_base_that_moves(programs: Path) -> None:
    install(programs, "podman", ANSWERS)
    assert build(programs, tag="registry:5000/worker-tenant:dev").returncode == 0


def test_pants_finds_it_also_where_no_builder_is_installed() -> None:
    ended = subprocess.run([BUILDER, "-v"], env={}, capture_output=True)
    assert (ended.returncode, os.access(BUILDER, os.X_OK)) == (0, True)
