"""What worker-tenant reads from the environment, beside what every service reads."""

from dataclasses import dataclass
from email.utils import parseaddr
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from temporal_common.settings import Settings, load_parts
from tenant_catalog.settings import DatabaseSettings


class MailSettings(Settings):
    """The SMTP server. The defaults are those of the mail sink in `dev-all`."""

    model_config = SettingsConfigDict(env_prefix="SMTP_", frozen=True)

    host: str = Field("127.0.0.1", min_length=1, description="host name of the SMTP server")
    port: int = Field(1025, ge=1, le=65535, description="TCP port, 1 to 65535")
    security: Literal["none", "starttls", "tls"] = Field(
        "none", description="none, starttls or tls"
    )
    username: str | None = Field(None, description="user name; none sends without logging in")
    password: SecretStr | None = Field(None, description="password of that user")
    sender: str = Field(
        "Worker Fleet <no-reply@localhost>", pattern=r".+@.+", description="From: of every mail"
    )
    timeout: float = Field(10.0, gt=0, le=20, description="seconds for one mail, up to 20")

    @property
    def domain(self) -> str:
        """Of the sender: the right-hand side of Message-IDs."""
        return parseaddr(self.sender)[1].rpartition("@")[2]


@dataclass(frozen=True)
class TenantSettings:
    database: DatabaseSettings
    mail: MailSettings


def load_settings() -> TenantSettings:
    """Raises SettingsError."""
    return load_parts(TenantSettings, database=DatabaseSettings, mail=MailSettings)
