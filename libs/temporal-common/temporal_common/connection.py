"""How to reach Temporal, by Temporal's own environment configuration.

`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`, `TEMPORAL_TLS_…` and the profiles of
`temporal.toml`, read by the SDK itself: a worker, the `temporal` command and every other client
see the same values. https://docs.temporal.io/develop/environment-configuration
"""

import os
import re
from dataclasses import dataclass, field
from typing import Final

from temporalio.envconfig import ClientConfigProfile, ClientConnectConfig

from temporal_common.errors import SettingsError

DEFAULT_ADDRESS: Final = "localhost:7233"
DEFAULT_NAMESPACE: Final = "default"

_TLS_VALUES: Final = frozenset({"true", "false", "1", "0"})
_QUOTED_SOURCE: Final = re.compile(r"\s*[0-9]*\s*\|")

# No scheme and no path: the SDK takes `http://host:port` today, and says that it will not for long.
_ADDRESS: Final = re.compile(r"([^\s/:\[\]]+|\[[0-9a-fA-F:.]+\]):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True)
class Connection:
    """Where Temporal is. `options` may hold an API key and certificates: never log it."""

    address: str
    namespace: str
    options: ClientConnectConfig = field(repr=False)


def load_connection() -> Connection:
    """Reads the connection from the environment and the profile that it names.

    Raises:
        SettingsError: an unknown profile or key, a file that is not there, a certificate that
            cannot be read, an API key that would travel in clear text.
    """
    _check_what_the_sdk_lets_pass()
    try:
        profile = ClientConfigProfile.load(config_file_strict=True)
    except Exception as error:  # the SDK raises RuntimeError and ConfigError without a common base
        raise SettingsError(
            f"Temporal's environment configuration is not valid: {_without_source(str(error))} "
            "(TEMPORAL_… variables, and the profile in TEMPORAL_CONFIG_FILE)"
        ) from None
    address = profile.address or DEFAULT_ADDRESS
    _check_address(address)
    if profile.api_key is not None and profile.tls is not None and profile.tls.disabled:
        raise SettingsError(
            "an API key (TEMPORAL_API_KEY) with TLS switched off (TEMPORAL_TLS=false) would send "
            "the key in clear text; remove one of the two, here or in the profile"
        )
    try:
        options = profile.to_client_connect_config()
    except OSError as error:
        raise SettingsError(
            "TEMPORAL_TLS_…_PATH names a file that cannot be read: "
            f"{error.filename}: {error.strerror}"
        ) from None
    options["target_host"] = address
    options["namespace"] = profile.namespace or DEFAULT_NAMESPACE
    return Connection(address, options["namespace"], options)


def _check_what_the_sdk_lets_pass() -> None:
    config_file = os.environ.get("TEMPORAL_CONFIG_FILE")
    if config_file and not os.path.isfile(config_file):
        # The SDK would go on without it, and connect to localhost.
        raise SettingsError(f"TEMPORAL_CONFIG_FILE={config_file!r} is not a file")
    tls = os.environ.get("TEMPORAL_TLS")
    if tls is not None and tls.lower() not in _TLS_VALUES:
        # The SDK reads every other value as true, "off" and "" among them.
        raise SettingsError(f"TEMPORAL_TLS={tls!r} is not valid: true or false")


def _check_address(address: str) -> None:
    match = _ADDRESS.fullmatch(address)
    if not match or not 0 < int(match["port"]) < 65536:
        given = os.environ.get("TEMPORAL_ADDRESS")
        source = "TEMPORAL_ADDRESS" if given else "the profile's address"
        raise SettingsError(
            f"{source}={address!r} is not valid: host:port, such as {DEFAULT_ADDRESS}"
        )


def _without_source(text: str) -> str:
    """A TOML error quotes the faulty line, which may hold an API key, and draws below it."""
    return " ".join(line for line in text.splitlines() if not _QUOTED_SOURCE.match(line))
