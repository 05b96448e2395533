"""How to reach Temporal, by Temporal's own environment configuration.

`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`, `TEMPORAL_TLS_…` and the profiles of
`temporal.toml`, read by the SDK itself: a worker, the `temporal` command and every other client
see the same values. https://docs.temporal.io/develop/environment-configuration
"""

import os
from dataclasses import dataclass, field
from typing import Final

from temporalio.envconfig import ClientConfigProfile, ClientConnectConfig

from temporal_common.errors import SettingsError

DEFAULT_ADDRESS: Final = "localhost:7233"
DEFAULT_NAMESPACE: Final = "default"


@dataclass(frozen=True)
class Connection:
    """Where Temporal is. `options` may hold an API key and certificates: never log it."""

    address: str
    namespace: str
    options: ClientConnectConfig = field(repr=False)


def load_connection() -> Connection:
    """Reads the connection from the environment and the profile that it names.

    Raises:
        SettingsError: an unknown profile or key, a certificate that cannot be read, an API key
            that would travel in clear text.
    """
    try:
        profile = ClientConfigProfile.load(config_file_strict=True)
    except Exception as error:  # the SDK raises RuntimeError and ConfigError without a common base
        raise SettingsError(
            f"Temporal's environment configuration is not valid: {error} "
            "(TEMPORAL_… variables, and the profile in TEMPORAL_CONFIG_FILE)"
        ) from None
    address = profile.address or DEFAULT_ADDRESS
    _check_address(address)
    if profile.api_key is not None and profile.tls is not None and profile.tls.disabled:
        raise SettingsError(
            "TEMPORAL_API_KEY with TEMPORAL_TLS=false would send the key in clear text; "
            "remove TEMPORAL_TLS or the key"
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


def _check_address(address: str) -> None:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        source = "TEMPORAL_ADDRESS" if "TEMPORAL_ADDRESS" in os.environ else "the profile's address"
        raise SettingsError(
            f"{source}={address!r} is not valid: host:port, such as {DEFAULT_ADDRESS}"
        )
