import pytest

from temporal_common.errors import SettingsError
from temporal_common.settings import load
from tenant_catalog.database import Database
from tenant_catalog.settings import DatabaseSettings


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in DatabaseSettings.environment_names().values():
        monkeypatch.delenv(name, raising=False)


def test_without_an_environment_the_database_is_the_one_that_dev_all_serves() -> None:
    url = load(DatabaseSettings).url.get_secret_value()
    assert url == "postgresql://postgres@127.0.0.1:5433/fleet"


def test_values_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_POOL_SIZE", "7")
    monkeypatch.setenv("DATABASE_LOCK_TIMEOUT", "1.5")
    settings = load(DatabaseSettings)
    assert (settings.pool_size, settings.lock_timeout) == (7, 1.5)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ada:hunter2@db/fleet",
        "host=db password=hunter2",
        "postgresql://ada:hunter2@db:port/fleet?nonsense=hunter2",
        "postgresql://ada:hunter2@[db/fleet",
        "hunter2",
    ],
)
def test_a_url_that_is_not_postgres_is_refused_without_showing_the_password(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(SettingsError, match="postgresql://USER:PASSWORD@HOST") as refused:
        load(DatabaseSettings)
    assert str(refused.value).startswith("DATABASE_URL=")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_POOL_SIZE", "0"),
        ("DATABASE_LOCK_TIMEOUT", "-1"),
        ("DATABASE_STATEMENT_TIMEOUT", "soon"),
        ("DATABASE_CONNECT_TIMEOUT", "7200"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^{name}='{value}' is not valid"):
        load(DatabaseSettings)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("postgresql://ada:hunter2@db:6432/fleet", "db:6432/fleet"),
        ("postgres://ada@db/fleet", "db:5432/fleet"),
        ("postgresql://ada@db", "db:5432/ada"),
        ("postgresql:///fleet", "localhost:5432/fleet"),
    ],
)
def test_a_database_is_named_by_host_port_and_name_only(
    url: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    database = Database(load(DatabaseSettings), pool_size=1, application_name="test")
    assert database.address == address
