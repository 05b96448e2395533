import pytest

from temporal_common.errors import SettingsError
from temporal_common.service import load_service_settings
from temporal_common.settings import load
from worker_tenant.settings import MailSettings
from worker_tenant.worker import WORKER


def test_every_bad_setting_gets_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = {
        "DATABASE_URL": "mysql://jo:hunter2@db.test/fleet",
        "SMTP_SECURITY": "rot13",
        "WORKER_MAX_CONCURRENT_ACTIVITIES": "0",
    }
    for key, value in bad.items():
        monkeypatch.setenv(key, value)
    with pytest.raises(SettingsError) as refused:
        load_service_settings([WORKER], health_port=0)
    lines = str(refused.value).splitlines()
    assert sorted(line.partition("=")[0] for line in lines) == sorted(bad)
    assert "hunter2" not in str(refused.value)


def test_the_workload_is_tuned_for_heavy_work() -> None:
    assert WORKER.tuning.max_concurrent_activities == 20
    assert WORKER.tuning.max_concurrent_workflow_tasks == 20


@pytest.mark.parametrize(
    ("sender", "domain"),
    [
        ("no-reply@fleet.test", "fleet.test"),
        ("Worker Fleet <no-reply@fleet.test>", "fleet.test"),
        ('"Fleet, the @ team" <no-reply@mail.fleet.test>', "mail.fleet.test"),
    ],
)
def test_message_ids_end_with_the_domain_of_the_sender(sender: str, domain: str) -> None:
    assert MailSettings(sender=sender).domain == domain


def test_a_password_is_masked_in_what_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "hunter2")
    assert "hunter2" not in repr(load(MailSettings))
