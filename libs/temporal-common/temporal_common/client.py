"""Connecting to Temporal: once for a command, with back-off for a service."""

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client, Interceptor
from temporalio.runtime import Runtime
from temporalio.service import RPCError, RPCStatusCode

from temporal_common.backoff import until_available
from temporal_common.connection import Connection
from temporal_common.errors import FleetError, SettingsError, Unavailable
from temporal_common.payloads import DATA_CONVERTER
from temporal_common.routed_starts import RoutedStarts
from temporal_common.tracing import tracing_interceptor

# One attempt. The SDK's own limit against a host that accepts and stays silent is 30 s.
ATTEMPT_TIMEOUT: Final = timedelta(seconds=10)

_REFUSALS: Final = frozenset({RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.PERMISSION_DENIED})
_ABSENCES: Final = frozenset(
    {
        RPCStatusCode.ABORTED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.INTERNAL,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.UNKNOWN,
    }
)
# How core words the status of the first call: `Status { code: Unauthenticated, message: "…", `.
_CORE_STATUS: Final = re.compile(r'Status \{ code: (?P<code>\w+), message: "(?P<message>[^"]*)"')
_CORE_REFUSALS: Final = ("Unauthenticated", "PermissionDenied")
_KNOWN_REASONS: Final = {
    "Connection refused": "connection refused",
    "dns error": "its name is not known (DNS)",
    "InvalidContentType": "it does not speak TLS",
    "certificate": "its TLS certificate is not accepted",
    "timed out": "no answer in time",
    "Timeout expired": "no answer in time",
}


class TemporalUnavailable(Unavailable):
    """The server cannot be reached, or does not answer."""


async def connect(
    connection: Connection, *, runtime: Runtime | None = None, identity: str | None = None
) -> Client:
    """One attempt to connect, with the fleet's data converter and tracing.

    Raises:
        TemporalUnavailable: nobody answers at the address.
        SettingsError: no attempt can succeed: the server refuses our credentials or has no such
            namespace, or a part of the connection is not usable.
    """
    address, namespace = connection.address, connection.namespace
    try:
        async with asyncio.timeout(ATTEMPT_TIMEOUT.total_seconds()):
            client = await Client.connect(
                **connection.options,
                data_converter=DATA_CONVERTER,
                interceptors=client_interceptors(),
                runtime=runtime,
                identity=identity,
            )
            await _check_namespace(client, connection)
    except TimeoutError:
        raise _unavailable(address, "no answer in time") from None
    except ValueError as error:
        raise SettingsError(
            f"the connection to Temporal at {address!r} is not valid: {error} (TEMPORAL_…)"
        ) from None
    except RuntimeError as error:  # what the SDK's core raises for all that went wrong
        raise _from_core(str(error), address, namespace) from None
    return client


async def connect_with_backoff(
    connection: Connection,
    *,
    runtime: Runtime,
    identity: str,
    waiting: Callable[[str], None],
) -> Client:
    """Connects as soon as Temporal is there; `waiting` hears why it is not.

    Raises:
        SettingsError: waiting cannot help.
    """
    return await until_available(
        lambda: connect(connection, runtime=runtime, identity=identity), waiting=waiting
    )


def client_interceptors() -> Sequence[Interceptor]:
    """On every client of the fleet; a worker made with it applies the tracing as well."""
    return [tracing_interceptor(), RoutedStarts()]


@contextmanager
def rpc_errors_explained(client: Client) -> Iterator[None]:
    """Around calls to the server: its absence is raised as `TemporalUnavailable`, its refusal of
    our credentials as `SettingsError`; every other `RPCError` passes."""
    try:
        yield
    except RPCError as error:
        explained = _explain(error, client.service_client.config.target_host, client.namespace)
        if explained is None:
            raise
        raise explained from None


async def _check_namespace(client: Client, connection: Connection) -> None:
    address, namespace = connection.address, connection.namespace
    try:
        with rpc_errors_explained(client):
            await client.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace=namespace), timeout=ATTEMPT_TIMEOUT
            )
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            raise SettingsError(
                f"TEMPORAL_NAMESPACE={namespace!r} does not exist at {address}; "
                f"make it with: temporal operator namespace create -n {namespace}"
            ) from None
        raise _unavailable(address, error.message) from None


def _explain(error: RPCError, address: str, namespace: str) -> FleetError | None:
    if error.status in _REFUSALS:
        return _refused(address, namespace, error.message)
    if error.status in _ABSENCES:
        return _unavailable(address, error.message)
    return None


def _from_core(message: str, address: str, namespace: str) -> FleetError:
    status = _CORE_STATUS.search(message)
    if status and status["code"] in _CORE_REFUSALS:
        return _refused(address, namespace, status["message"])
    if "PrivateKeyParseError" in message or "CertificateParseError" in message:
        return SettingsError(
            "TEMPORAL_TLS_CLIENT_CERT_… or TEMPORAL_TLS_CLIENT_KEY_… is not in PEM form"
        )
    return _unavailable(address, status["message"] if status else _reason(message))


def _refused(address: str, namespace: str, message: str) -> SettingsError:
    return SettingsError(
        f"Temporal at {address} refuses our credentials for namespace {namespace!r}: {message} "
        "(TEMPORAL_API_KEY or TEMPORAL_TLS_CLIENT_…)"
    )


def _unavailable(address: str, reason: str) -> TemporalUnavailable:
    return TemporalUnavailable(
        f"Temporal cannot be reached at {address}: {reason} (TEMPORAL_ADDRESS)"
    )


def _reason(message: str) -> str:
    """The cause at the end of core's chain: `… ConnectError("tcp connect error", …)`."""
    for part, reason in _KNOWN_REASONS.items():
        if part.lower() in message.lower():
            return reason
    return message.removeprefix("Failed client connect: ")[:200]
