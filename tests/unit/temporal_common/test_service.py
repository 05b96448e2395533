"""What a service reads from outside, once. Its lifecycle: tests/integration."""

from dataclasses import replace
from pathlib import Path

import pytest
from temporalio.common import WorkerDeploymentVersion

from temporal_common.errors import SettingsError
from temporal_common.queues import QueueLayout
from temporal_common.service import load_service_settings
from tests.support.probe.worker import PROBE


def test_without_settings_everything_has_its_default() -> None:
    settings = load_service_settings([PROBE], health_port=8081)

    assert settings.connection.address == "localhost:7233"
    assert settings.layout == QueueLayout("fleet", 1)
    assert (settings.health.port, settings.health.blocked_after) == (8081, 30)
    assert settings.build_id is None
    assert [workload.tuning for workload in settings.workloads] == [PROBE.tuning]


def test_the_settings_of_the_service_itself_are_read_with_the_others() -> None:
    spec = replace(PROBE, settings=lambda: "of the probe")
    (workload,) = load_service_settings([spec], health_port=0).workloads
    assert workload.settings == "of the probe"


def test_all_that_is_wrong_anywhere_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def own() -> None:
        raise SettingsError("SMTP_HOST is not set; needed (host name)")

    for key in (
        "TEMPORAL_ADDRESS",
        "TEMPORAL_QUEUE_SHARDS",
        "LOG_LEVEL",
        "WORKER_ACTIVITY_POLLERS",
    ):
        monkeypatch.setenv(key, "?")
    with pytest.raises(SettingsError) as refusal:
        load_service_settings([replace(PROBE, settings=own)], health_port=0)

    assert [line.split("=")[0].split(" ")[0] for line in str(refusal.value).splitlines()] == [
        "TEMPORAL_ADDRESS",
        "TEMPORAL_QUEUE_SHARDS",
        "LOG_LEVEL",
        "WORKER_ACTIVITY_POLLERS",
        "SMTP_HOST",
    ]


def test_what_two_workloads_read_alike_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKER_ACTIVITY_POLLERS", "?")
    with pytest.raises(SettingsError) as refusal:
        load_service_settings([PROBE, PROBE], health_port=0)
    assert len(str(refusal.value).splitlines()) == 1


def test_what_does_not_go_together_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {
        "WORKER_MAX_CONCURRENT_ACTIVITIES": "5",
        "WORKER_ACTIVITY_THREADS": "4",
        "WORKER_TERMINATION_GRACE_PERIOD": "30",
        "WORKER_SHARDS": "200-300",
        "TEMPORAL_QUEUE_SHARDS": "101",
        "TEMPORAL_DEPLOYMENT_NAME": "worker-probe",
        "TEMPORAL_WORKER_BUILD_ID": "v1",
    }
    for key, value in settings.items():
        monkeypatch.setenv(key, value)
    with pytest.raises(SettingsError) as refusal:
        load_service_settings([replace(PROBE, pool_size=lambda _settings: 3)], health_port=0)

    assert [line.split("=")[0] for line in str(refusal.value).splitlines()] == [
        "WORKER_ACTIVITY_POLLERS",
        "WORKER_ACTIVITY_THREADS",
        "DATABASE_POOL_SIZE",
        "WORKER_TERMINATION_GRACE_PERIOD",
        "TEMPORAL_QUEUE_SHARDS",
        "WORKER_SHARDS",
    ]


def test_the_build_id_is_that_of_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_DEPLOYMENT_NAME", "worker-probe")
    monkeypatch.setenv("TEMPORAL_WORKER_BUILD_ID", "abc123")
    settings = load_service_settings([PROBE], health_port=0)
    assert settings.version == WorkerDeploymentVersion("worker-probe", "abc123")
    assert settings.build_id == "abc123"


def test_without_versioning_the_build_id_is_that_of_the_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "build-id").write_text("e3cd4062ff54\n")
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    settings = load_service_settings([PROBE], health_port=0)
    assert (settings.version, settings.build_id) == (None, "e3cd4062ff54")
