"""Settings: the environment over declared defaults, and one clear line for each bad value."""

import pytest
from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import SettingsConfigDict

from temporal_common.errors import SettingsError
from temporal_common.queues import QueueLayout
from temporal_common.settings import HealthSettings, LogSettings, QueueSettings, Settings, load


class SmtpSettings(Settings):
    """What a service might declare."""

    model_config = SettingsConfigDict(env_prefix="SMTP_")

    host: str = Field(description="host name")
    port: int = Field(25, ge=1, le=65535, description="TCP port, 1 to 65535")
    password: SecretStr | None = Field(None, min_length=8, description="8 characters or more")
    timeout: float = Field(10, validation_alias="MAIL_TIMEOUT", gt=0, description="seconds")
    relays: list[str] = Field(default=[], description="JSON list of host names")

    @model_validator(mode="after")
    def _password_needs_the_secure_port(self) -> "SmtpSettings":
        if self.password and self.port == 25:
            raise ValueError("a password on port 25 would travel in clear text")
        return self


def lines(settings: type[Settings], **defaults: object) -> list[str]:
    with pytest.raises(SettingsError) as refusal:
        load(settings, **defaults)
    return str(refusal.value).splitlines()


def test_the_environment_wins_over_a_default_given_in_code(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(HealthSettings, port=8081).port == 8081
    monkeypatch.setenv("HEALTH_PORT", "9999")
    assert load(HealthSettings, port=8081).port == 9999


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEALTH_PORT", "")
    assert load(HealthSettings, port=8081).port == 8081


def test_settings_cannot_be_changed_after_they_are_read() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load(HealthSettings).port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("settings", "key", "value", "line"),
    [
        (
            HealthSettings,
            "HEALTH_PORT",
            "70000",
            "HEALTH_PORT='70000' is not valid: input should be less than or equal to 65535 "
            "(TCP port, 0 to 65535; 0 takes a free one)",
        ),
        (
            HealthSettings,
            "HEALTH_PORT",
            "http",
            "HEALTH_PORT='http' is not valid: input should be a valid integer, unable to parse "
            "string as an integer (TCP port, 0 to 65535; 0 takes a free one)",
        ),
        (
            HealthSettings,
            "HEALTH_BLOCKED_AFTER",
            "0.5",
            "HEALTH_BLOCKED_AFTER='0.5' is not valid: input should be greater than or equal to 1 "
            "(seconds, 1 to 3600, without a turn of the event loop until /livez fails)",
        ),
        (
            QueueSettings,
            "TEMPORAL_QUEUE_SHARDS",
            "0",
            "TEMPORAL_QUEUE_SHARDS='0' is not valid: input should be greater than or equal to 1 "
            "(task queues for tenants, 1 to 1000)",
        ),
        (
            QueueSettings,
            "TEMPORAL_QUEUE_PREFIX",
            "My Fleet",
            "TEMPORAL_QUEUE_PREFIX='My Fleet' is not valid: 'My Fleet' is not a queue prefix; "
            "valid: lower-case letters and digits, joined by single '.', '-' or '_'; at most 64 "
            "(first part of every task queue's name)",
        ),
        (
            LogSettings,
            "LOG_LEVEL",
            "loud",
            "LOG_LEVEL='loud' is not valid: input should be 'debug', 'info', 'warning' or 'error' "
            "(debug, info, warning or error)",
        ),
        (
            LogSettings,
            "LOG_FORMAT",
            "xml",
            "LOG_FORMAT='xml' is not valid: input should be 'auto', 'json' or 'console' "
            "(auto, json or console; auto is console on a terminal, else json)",
        ),
    ],
)
def test_a_bad_value_is_one_line_with_its_key_the_value_and_what_is_valid(
    monkeypatch: pytest.MonkeyPatch, settings: type[Settings], key: str, value: str, line: str
) -> None:
    monkeypatch.setenv(key, value)
    assert lines(settings) == [line]


def test_all_bad_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEALTH_PORT", "-1")
    monkeypatch.setenv("HEALTH_BLOCKED_AFTER", "soon")
    assert [line.split("=")[0] for line in lines(HealthSettings)] == [
        "HEALTH_PORT",
        "HEALTH_BLOCKED_AFTER",
    ]


def test_what_is_missing_is_named_with_what_it_is() -> None:
    assert lines(SmtpSettings) == ["SMTP_HOST is not set; needed (host name)"]


def test_a_field_with_a_name_of_its_own_is_named_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_TIMEOUT", "0")
    assert lines(SmtpSettings, host="mail") == [
        "MAIL_TIMEOUT='0' is not valid: input should be greater than 0 (seconds)"
    ]


def test_a_secret_is_masked_also_as_one_of_several_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "hunter2")
    (line,) = lines(SmtpSettings, host="mail")

    assert line.startswith("SMTP_PASSWORD=********** is not valid: ")
    assert "hunter2" not in line


def test_values_that_do_not_go_together_are_named_without_any_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "correct horse")
    assert lines(SmtpSettings, host="mail") == [
        "SMTP_HOST, SMTP_PORT, SMTP_PASSWORD, MAIL_TIMEOUT, SMTP_RELAYS do not go together: "
        "a password on port 25 would travel in clear text"
    ]


def test_a_list_that_is_no_json_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_RELAYS", "a,b")
    assert lines(SmtpSettings, host="mail") == ["SMTP_RELAYS is not valid JSON"]


def test_the_names_of_the_variables_are_known() -> None:
    assert QueueSettings.environment_names() == {
        "prefix": "TEMPORAL_QUEUE_PREFIX",
        "shards": "TEMPORAL_QUEUE_SHARDS",
    }


def test_the_layout_is_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_QUEUE_PREFIX", "blue")
    monkeypatch.setenv("TEMPORAL_QUEUE_SHARDS", "32")
    assert load(QueueSettings).layout == QueueLayout("blue", 32)


def test_a_level_may_be_written_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "WARNING")
    assert load(LogSettings).level == "warning"
