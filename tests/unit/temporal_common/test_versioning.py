"""The switch for Worker Versioning: both variables, or neither."""

from pathlib import Path

import pytest
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion

from temporal_common.errors import SettingsError
from temporal_common.versioning import deployment_config, load_version

NAME, BUILD_ID = "TEMPORAL_DEPLOYMENT_NAME", "TEMPORAL_WORKER_BUILD_ID"


def test_without_the_variables_it_is_off() -> None:
    assert load_version() is None
    assert deployment_config(None) is None


def test_both_variables_turn_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    # A name as the worker controller makes it.
    monkeypatch.setenv(NAME, "fleet-production/worker-tenant")
    monkeypatch.setenv(BUILD_ID, "1.2-0f3a")
    version = load_version()
    assert version == WorkerDeploymentVersion("fleet-production/worker-tenant", "1.2-0f3a")
    config = deployment_config(version)
    assert config is not None
    assert (config.version, config.use_worker_versioning) == (version, True)
    assert config.default_versioning_behavior is VersioningBehavior.UNSPECIFIED


@pytest.mark.parametrize(("given", "missing"), [(NAME, BUILD_ID), (BUILD_ID, NAME)])
def test_one_without_the_other_is_refused_with_the_name_of_the_missing_one(
    monkeypatch: pytest.MonkeyPatch, given: str, missing: str
) -> None:
    monkeypatch.setenv(given, "x")
    monkeypatch.setenv(missing, "")  # empty is as good as unset
    with pytest.raises(SettingsError, match=f"^{given}='x' is set and {missing} is not: "):
        load_version()


def test_an_image_brings_its_build_id(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "build-id").write_text("e3cd4062ff54\n")
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    assert load_version() is None
    monkeypatch.setenv(NAME, "worker-tenant")
    assert load_version() == WorkerDeploymentVersion("worker-tenant", "e3cd4062ff54")
    monkeypatch.setenv(BUILD_ID, "v2")
    assert load_version() == WorkerDeploymentVersion("worker-tenant", "v2")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (NAME, "worker.tenant"),
        (NAME, "worker:tenant"),
        (NAME, "__worker"),
        (NAME, "x" * 256),
        (BUILD_ID, "__v1"),
        (BUILD_ID, "x" * 256),
    ],
)
def test_what_the_server_would_silently_never_list_is_refused(
    monkeypatch: pytest.MonkeyPatch, key: str, value: str
) -> None:
    for variable in (NAME, BUILD_ID):
        monkeypatch.setenv(variable, value if variable == key else "worker-tenant")
    with pytest.raises(SettingsError, match=f"^{key}='.*' is not valid: at most 255 characters"):
        load_version()
