"""The connection, by Temporal's own environment configuration."""

from pathlib import Path

import pytest

from temporal_common.connection import load_connection
from temporal_common.errors import SettingsError

PROFILES = """
[profile.default]
address = "default.example:7233"

[profile.staging]
address = "staging.example:7233"
namespace = "billing"
"""


@pytest.fixture
def profiles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    file = tmp_path / "temporal.toml"
    file.write_text(PROFILES)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(file))
    return file


def refusal() -> str:
    with pytest.raises(SettingsError) as error:
        load_connection()
    message = str(error.value)
    assert "\n" not in message
    return message


def test_without_settings_it_is_the_local_dev_server() -> None:
    connection = load_connection()
    assert (connection.address, connection.namespace) == ("localhost:7233", "default")


def test_it_is_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "temporal.example:7000")
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "billing")
    connection = load_connection()

    assert (connection.address, connection.namespace) == ("temporal.example:7000", "billing")
    assert connection.options["target_host"] == "temporal.example:7000"
    assert connection.options["namespace"] == "billing"


@pytest.mark.usefixtures("profiles")
def test_a_file_gives_the_default_profile() -> None:
    assert load_connection().address == "default.example:7233"


@pytest.mark.usefixtures("profiles")
def test_a_profile_is_chosen_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_PROFILE", "staging")
    connection = load_connection()
    assert (connection.address, connection.namespace) == ("staging.example:7233", "billing")


@pytest.mark.usefixtures("profiles")
def test_a_variable_wins_over_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "here.example:7233")
    assert load_connection().address == "here.example:7233"


@pytest.mark.usefixtures("profiles")
def test_an_unknown_profile_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_PROFILE", "production")
    assert "Profile 'production' not found" in refusal()


def test_an_unknown_key_is_refused_without_the_secret_that_stands_beside_it(profiles: Path) -> None:
    profiles.write_text('[profile.default]\napikey = "hunter2"\n')
    message = refusal()

    assert "unknown field `apikey`, expected one of `address`" in message
    assert "hunter2" not in message


def test_a_file_that_is_no_toml_is_refused(profiles: Path) -> None:
    profiles.write_text("[profile.default\n")
    assert "TOML parse error at line 1" in refusal()


def test_a_file_that_is_not_there_is_refused_and_not_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", "/no/such/temporal.toml")
    assert refusal() == "TEMPORAL_CONFIG_FILE='/no/such/temporal.toml' is not a file"


@pytest.mark.parametrize(
    "address",
    [
        "localhost",
        "localhost:",
        ":7233",
        "localhost:0",
        "localhost:65536",
        "localhost:7233 ",
        "local host:7233",
        "http://localhost:7233",
        "localhost:7233/",
        "::1:7233",
        "localhost:７２３３",
    ],
)
def test_what_is_no_host_and_port_is_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", address)
    assert refusal() == (
        f"TEMPORAL_ADDRESS={address!r} is not valid: host:port, such as localhost:7233"
    )


@pytest.mark.parametrize("address", ["localhost:1", "10.0.0.1:65535", "[::1]:7233", "a-b.c_d:80"])
def test_names_and_addresses_of_both_families_are_accepted(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", address)
    assert load_connection().address == address


def test_a_bad_address_of_a_profile_is_named_as_such(profiles: Path) -> None:
    profiles.write_text('[profile.default]\naddress = "staging"\n')
    assert refusal().startswith("the profile's address='staging' is not valid")


def test_an_api_key_switches_tls_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_API_KEY", "hunter2")
    assert load_connection().options["tls"]


def test_an_api_key_in_clear_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_API_KEY", "hunter2")
    monkeypatch.setenv("TEMPORAL_TLS", "false")
    message = refusal()

    assert "TEMPORAL_API_KEY" in message
    assert "TEMPORAL_TLS=false" in message
    assert "hunter2" not in message


@pytest.mark.parametrize("value", ["off", "no", "", "maybe"])
def test_a_tls_switch_that_the_sdk_would_read_as_true_is_refused(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("TEMPORAL_TLS", value)
    assert refusal() == f"TEMPORAL_TLS={value!r} is not valid: true or false"


def test_a_certificate_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_TLS_CLIENT_CERT_PATH", "/no/such/client.pem")
    monkeypatch.setenv("TEMPORAL_TLS_CLIENT_KEY_PATH", "/no/such/client.key")
    assert refusal() == (
        "TEMPORAL_TLS_…_PATH names a file that cannot be read: "
        "/no/such/client.pem: No such file or directory"
    )


def test_a_connection_that_is_logged_shows_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_API_KEY", "hunter2")
    assert "hunter2" not in repr(load_connection())
