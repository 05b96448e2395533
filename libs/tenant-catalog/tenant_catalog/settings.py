"""Settings of the database, read from the environment as `DATABASE_…`."""

from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from temporal_common.settings import Settings

URL_FORM: Final = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"

Seconds = Annotated[float, Field(ge=0.1, le=3600)]


class DatabaseSettings(Settings):
    """How to reach Postgres, and how long a transaction may take. Times are in seconds."""

    # Without the input in errors: it can hold a password.
    model_config = SettingsConfigDict(env_prefix="DATABASE_", hide_input_in_errors=True)

    url: SecretStr = Field(
        SecretStr("postgresql://postgres@127.0.0.1:5433/fleet"),
        description=f"where Postgres is: {URL_FORM}; the default is what dev-all serves",
    )
    pool_size: int | None = Field(
        None,
        ge=1,
        le=500,
        description="most connections at once; by default as many as the worker's activities",
    )
    lock_timeout: Seconds = Field(
        3,
        description="longest wait for a lock, in seconds; then the work is put off and tried "
        "again, so that nothing queues up behind a statement that waits",
    )
    statement_timeout: Seconds = Field(30, description="longest statement, in seconds")
    connect_timeout: Seconds = Field(5, description="longest wait for a connection, in seconds")

    @field_validator("url")
    @classmethod
    def _must_be_postgres(cls, url: SecretStr) -> SecretStr:
        # Imported here: whoever only describes the settings does not load a database driver.
        import psycopg
        from psycopg.conninfo import conninfo_to_dict

        text = url.get_secret_value()
        try:
            scheme = urlsplit(text).scheme
            conninfo_to_dict(text)
        except (ValueError, psycopg.Error):
            scheme = ""
        if scheme not in ("postgresql", "postgres"):
            # From None, and without the text: libpq's own words can quote the password.
            raise ValueError(f"not a Postgres URL; valid: {URL_FORM}") from None
        return url
