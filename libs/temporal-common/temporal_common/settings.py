"""Reading settings: once, at the edge, into frozen objects; a bad value is one clear line.

`load` reads any pydantic-settings model derived from `Settings`, `load_parts` several of them.
The connection to Temporal is read by Temporal's own rules: `temporal_common.connection`.
"""

import os
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, TypeVar, get_args

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as UnreadableJson

from temporal_common.errors import SettingsError
from temporal_common.queues import MAX_SHARDS, InvalidTaskQueue, QueueLayout
from temporal_common.shards import ALL_SHARDS, ShardPart, parse_shard_part

_MASK: Final = "**********"
_Settings = TypeVar("_Settings", bound="Settings")
_T = TypeVar("_T")


class Settings(BaseSettings):
    """Base of all our settings: frozen, and the environment wins over a default given in code."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings

    @classmethod
    def environment_names(cls) -> dict[str, str]:
        """Environment variable of each field, by the field's name."""
        prefix = cls.model_config.get("env_prefix", "")
        return {
            name: str(field.validation_alias or f"{prefix}{name}").upper()
            for name, field in cls.model_fields.items()
        }


def load(settings: type[_Settings], **defaults: Any) -> _Settings:
    """Reads a model from the environment; `defaults` apply where the environment says nothing.

    Raises:
        SettingsError: one line for each bad value: key, value (secrets masked), what is valid.
    """
    try:
        return settings(**defaults)
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(settings, error))) from None
    except UnreadableJson as error:  # a list or a mapping; the text names the field, in quotes
        field = str(error).split('"')[1]
        raise SettingsError(f"{settings.environment_names()[field]} is not valid JSON") from None


def load_parts(whole: Callable[..., _T], **parts: type["Settings"]) -> _T:
    """`whole`, called with models that are each read from the environment.

    Raises:
        SettingsError: with the lines of all parts, not only of the first bad one.
    """
    loaded: dict[str, Settings] = {}
    findings: list[str] = []
    for name, part in parts.items():
        try:
            loaded[name] = load(part)
        except SettingsError as error:
            findings.append(str(error))
    if findings:
        raise SettingsError("\n".join(findings))
    return whole(**loaded)


def _explain(settings: type[Settings], error: ValidationError) -> list[str]:
    names = settings.environment_names()
    by_location = {str(f.validation_alias or n): n for n, f in settings.model_fields.items()}
    lines = []
    for problem in error.errors(include_url=False):
        message = _lower_first(problem["msg"].removeprefix("Value error, "))
        if not problem["loc"]:  # of the whole model: its input would show the secrets as well
            lines.append(f"{', '.join(names.values())} do not go together: {message}")
            continue
        field = by_location[str(problem["loc"][0])]
        key, info = names[field], settings.model_fields[field]
        valid = f" ({info.description})" if info.description else ""
        if problem["type"] == "missing":
            lines.append(f"{key} is not set; needed{valid}")
        else:
            value = _MASK if _is_secret(info) else repr(os.environ.get(key, problem["input"]))
            lines.append(f"{key}={value} is not valid: {message}{valid}")
    return lines


def _is_secret(field: FieldInfo) -> bool:
    """Also as one of several types: `SecretStr | None`."""
    return SecretStr in (field.annotation, *get_args(field.annotation))


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


class QueueSettings(Settings):
    """The layout of the task queues; equal for all clients and workers of a fleet."""

    model_config = SettingsConfigDict(env_prefix="TEMPORAL_QUEUE_")

    prefix: str = Field("fleet", description="first part of every task queue's name")
    shards: int = Field(
        1, ge=1, le=MAX_SHARDS, description=f"task queues for tenants, 1 to {MAX_SHARDS}"
    )

    @field_validator("prefix")
    @classmethod
    def _prefix_is_usable(cls, value: str) -> str:
        try:
            return QueueLayout(value).prefix
        except InvalidTaskQueue as error:
            raise ValueError(str(error)) from None

    @property
    def layout(self) -> QueueLayout:
        return QueueLayout(self.prefix, self.shards)


class ShardSettings(Settings):
    """Which of the tenants' queues this process serves."""

    model_config = SettingsConfigDict(env_prefix="WORKER_")

    shards: Annotated[ShardPart, NoDecode] = Field(
        ALL_SHARDS, description="the shards that this process serves"
    )
    adoption_interval: float = Field(
        60.0,
        ge=0.1,
        le=3600,
        description="seconds, 0.1 to 3600, between looks for queues that a larger layout left",
    )

    @field_validator("shards", mode="before")
    @classmethod
    def _parse(cls, value: object) -> object:
        return parse_shard_part(value) if isinstance(value, str) else value


class HealthSettings(Settings):
    model_config = SettingsConfigDict(env_prefix="HEALTH_")

    host: str = Field("0.0.0.0", description="address that the health server listens on")
    port: int = Field(8080, ge=0, le=65535, description="TCP port, 0 to 65535; 0 takes a free one")
    blocked_after: float = Field(
        30.0,
        ge=1,
        le=3600,
        description="seconds, 1 to 3600, without a turn of the event loop until /livez fails",
    )


class LogSettings(Settings):
    model_config = SettingsConfigDict(env_prefix="LOG_")

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="debug, info, warning or error"
    )
    format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto, json or console; auto is console on a terminal, else json"
    )

    @field_validator("level", "format", mode="before")
    @classmethod
    def _any_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value
