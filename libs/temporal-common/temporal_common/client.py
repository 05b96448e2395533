"""Connecting to Temporal: once for a command, with back-off for a service."""

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import Runtime
from temporalio.service import RPCError, RPCStatusCode

from temporal_common.connection import Connection
from temporal_common.errors import SettingsError, Unavailable
from temporal_common.tracing import client_interceptors

# One attempt. The SDK's own limit against a host that accepts and stays silent is 30 s.
ATTEMPT_TIMEOUT: Final = timedelta(seconds=10)
_FIRST_DELAY: Final = 0.25
_LONGEST_DELAY: Final = 15.0


class TemporalUnavailable(Unavailable):
    """The server cannot be reached, or does not answer."""


async def connect(
    connection: Connection, *, runtime: Runtime | None = None, identity: str | None = None
) -> Client:
    """One attempt to connect, with the fleet's data converter and tracing.

    Raises:
        TemporalUnavailable: nobody answers at the address.
        SettingsError: the server answers, and refuses our credentials or namespace.
    """
    try:
        client = await asyncio.wait_for(
            Client.connect(
                **connection.options,
                data_converter=pydantic_data_converter,
                interceptors=client_interceptors(),
                runtime=runtime,
                identity=identity,
            ),
            ATTEMPT_TIMEOUT.total_seconds(),
        )
        await _check_namespace(client, connection)
    except TimeoutError:
        raise _unavailable(connection, "no answer in time") from None
    except RuntimeError as error:  # what the SDK's core raises for a refused or failed connection
        raise _unavailable(connection, _innermost(str(error))) from None
    return client


async def connect_with_backoff(
    connection: Connection,
    *,
    runtime: Runtime,
    identity: str,
    on_wait: Callable[[str], None],
) -> Client:
    """Connects as soon as Temporal is there; `on_wait` hears why it is not, before each pause.

    Full jitter, at most 15 s: a fleet that starts before its server must not fall on it at once.

    Raises:
        SettingsError: waiting cannot help.
    """
    ceiling = _FIRST_DELAY
    while True:
        try:
            return await connect(connection, runtime=runtime, identity=identity)
        except TemporalUnavailable as error:
            on_wait(str(error))
        await asyncio.sleep(random.uniform(ceiling / 2, ceiling))
        ceiling = min(ceiling * 2, _LONGEST_DELAY)


async def _check_namespace(client: Client, connection: Connection) -> None:
    from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest

    try:
        await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=connection.namespace), timeout=ATTEMPT_TIMEOUT
        )
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            raise SettingsError(
                f"TEMPORAL_NAMESPACE={connection.namespace!r} does not exist at "
                f"{connection.address}; make it with: "
                f"temporal operator namespace create -n {connection.namespace}"
            ) from None
        if error.status in (RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.PERMISSION_DENIED):
            raise SettingsError(
                f"Temporal at {connection.address} refuses our credentials for namespace "
                f"{connection.namespace!r}: {error.message} "
                "(TEMPORAL_API_KEY or TEMPORAL_TLS_CLIENT_…)"
            ) from None
        raise _unavailable(connection, error.message) from None


def _unavailable(connection: Connection, reason: str) -> TemporalUnavailable:
    return TemporalUnavailable(
        f"Temporal cannot be reached at {connection.address}: {reason} (TEMPORAL_ADDRESS)"
    )


def _innermost(message: str) -> str:
    """The cause at the end of core's chain: `… ConnectError("tcp connect error", …)`."""
    for known in ("Connection refused", "dns error", "certificate", "timed out", "Timeout expired"):
        if known.lower() in message.lower():
            return known.lower()
    return message.removeprefix("Failed client connect: ")[:200]
