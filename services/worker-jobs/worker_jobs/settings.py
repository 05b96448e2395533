"""What worker-jobs reads from the environment, beside what every service reads."""

from dataclasses import dataclass

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from temporal_common.settings import Settings, load_parts
from tenant_catalog.settings import DatabaseSettings


class TokenCleanupSettings(Settings):
    model_config = SettingsConfigDict(env_prefix="TOKEN_CLEANUP_", frozen=True)

    cron: str = Field(
        "*/15 * * * *", min_length=1, description="when it runs: minute hour day month weekday"
    )
    batch_size: int = Field(
        5_000, ge=1, le=100_000, description="rows deleted in one transaction, 1 to 100000"
    )


@dataclass(frozen=True)
class JobsSettings:
    database: DatabaseSettings
    cleanup: TokenCleanupSettings


def load_settings() -> JobsSettings:
    """Raises SettingsError."""
    return load_parts(JobsSettings, database=DatabaseSettings, cleanup=TokenCleanupSettings)
