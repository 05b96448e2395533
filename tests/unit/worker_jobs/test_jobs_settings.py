import pytest

from temporal_common.errors import SettingsError
from temporal_common.service import load_service_settings
from worker_jobs.worker import WORKER


def test_every_bad_setting_gets_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = {
        "DATABASE_URL": "mysql://jo:hunter2@db.test/fleet",
        "TOKEN_CLEANUP_BATCH_SIZE": "0",
        "TEMPORAL_QUEUE_SHARDS": "0",
    }
    for key, value in bad.items():
        monkeypatch.setenv(key, value)
    with pytest.raises(SettingsError) as refused:
        load_service_settings([WORKER], health_port=0)
    lines = str(refused.value).splitlines()
    assert sorted(line.partition("=")[0] for line in lines) == sorted(bad)
    assert "hunter2" not in str(refused.value)


def test_the_workload_is_tuned_for_frequent_light_work() -> None:
    assert WORKER.tuning.max_concurrent_activities == 50
    assert WORKER.tuning.max_concurrent_workflow_tasks == 50
