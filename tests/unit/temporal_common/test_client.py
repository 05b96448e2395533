"""Connecting: what went wrong is one line, and says whether waiting can help."""

import socket
from collections.abc import Iterator
from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode, TLSConfig

from dev_servers.ports import HOST
from temporal_common import client
from temporal_common.client import TemporalUnavailable, connect, rpc_errors_explained
from temporal_common.connection import Connection
from temporal_common.errors import SettingsError
from temporal_common.testing import connection_to
from tests.support.refusing_server import refusing_server


@pytest.fixture
def silent_address() -> Iterator[str]:
    """Of a listener that never says a word."""
    with socket.create_server((HOST, 0)) as listener:
        yield f"{HOST}:{listener.getsockname()[1]}"


def with_tls(address: str, tls: TLSConfig) -> Connection:
    return Connection(
        address, "default", {"target_host": address, "namespace": "default", "tls": tls}
    )


async def test_a_closed_port_is_unavailable() -> None:
    with pytest.raises(TemporalUnavailable) as absence:
        await connect(connection_to(f"{HOST}:1"))
    assert str(absence.value) == (
        f"Temporal cannot be reached at {HOST}:1: connection refused (TEMPORAL_ADDRESS)"
    )


async def test_a_silent_port_is_unavailable_after_one_attempts_time(
    silent_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "ATTEMPT_TIMEOUT", timedelta(seconds=0.2))
    with pytest.raises(TemporalUnavailable, match="no answer in time"):
        await connect(connection_to(silent_address))


def test_an_attempt_is_shorter_than_the_sdks_own_limit() -> None:
    assert timedelta(seconds=1) < client.ATTEMPT_TIMEOUT <= timedelta(seconds=10)


@pytest.mark.parametrize("status", [RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.PERMISSION_DENIED])
async def test_refused_credentials_are_a_setting_and_not_an_absence(status: RPCStatusCode) -> None:
    async with refusing_server(status, "Request unauthorized.") as address:
        with pytest.raises(SettingsError) as refusal:
            await connect(connection_to(address, "billing"))
    assert str(refusal.value) == (
        f"Temporal at {address} refuses our credentials for namespace 'billing': "
        "Request unauthorized. (TEMPORAL_API_KEY or TEMPORAL_TLS_CLIENT_…)"
    )


@pytest.mark.parametrize("status", [RPCStatusCode.UNAVAILABLE, RPCStatusCode.RESOURCE_EXHAUSTED])
async def test_a_server_that_is_not_able_is_unavailable(status: RPCStatusCode) -> None:
    async with refusing_server(status, "not now") as address:
        with pytest.raises(TemporalUnavailable, match=f"{address}: not now"):
            await connect(connection_to(address))


async def test_tls_to_a_server_without_it_is_said_so() -> None:
    async with refusing_server(RPCStatusCode.OK, "") as address:
        with pytest.raises(TemporalUnavailable, match="it does not speak TLS"):
            await connect(with_tls(address, TLSConfig()))


async def test_a_client_certificate_that_is_no_pem_is_a_setting() -> None:
    tls = TLSConfig(client_cert=b"nonsense", client_private_key=b"nonsense")
    with pytest.raises(SettingsError, match="not in PEM form"):
        await connect(with_tls(f"{HOST}:1", tls))


async def test_a_client_certificate_without_its_key_is_a_setting() -> None:
    with pytest.raises(SettingsError, match="Must have both client cert and private key"):
        await connect(with_tls(f"{HOST}:1", TLSConfig(client_cert=b"nonsense")))


@pytest.mark.parametrize(
    ("core_says", "we_say"),
    [  # as measured with temporalio 1.35
        (
            "Failed client connect: Server connection error: tonic::transport::Error(Transport, "
            'ConnectError(ConnectError("dns error", Custom { kind: Uncategorized, error: "failed '
            'to lookup address information: Name or service not known" })))',
            "its name is not known (DNS)",
        ),
        (
            "Failed client connect: `get_system_info` call error after connection: Status { code: "
            'Unavailable, message: "no healthy upstream", metadata: MetadataMap { headers: {} } }',
            "no healthy upstream",
        ),
        ("Failed client connect: something new", "something new"),
    ],
)
def test_what_the_sdks_core_says_is_put_shortly(core_says: str, we_say: str) -> None:
    error = client._from_core(core_says, "temporal:7233", "default")
    assert str(error) == (
        f"Temporal cannot be reached at temporal:7233: {we_say} (TEMPORAL_ADDRESS)"
    )


@pytest.fixture
async def lazy_client() -> Client:
    return await Client.connect("temporal:7233", namespace="billing", lazy=True)


async def test_an_absence_in_a_call_names_the_server(lazy_client: Client) -> None:
    with (
        pytest.raises(TemporalUnavailable, match="at temporal:7233: deadline passed"),
        rpc_errors_explained(lazy_client),
    ):
        raise RPCError("deadline passed", RPCStatusCode.DEADLINE_EXCEEDED, b"")


async def test_a_refusal_in_a_call_is_a_setting(lazy_client: Client) -> None:
    with (
        pytest.raises(SettingsError, match="refuses our credentials for namespace 'billing'"),
        rpc_errors_explained(lazy_client),
    ):
        raise RPCError("no", RPCStatusCode.PERMISSION_DENIED, b"")


async def test_an_error_that_means_something_to_the_caller_passes(lazy_client: Client) -> None:
    with pytest.raises(RPCError, match="gone"), rpc_errors_explained(lazy_client):
        raise RPCError("gone", RPCStatusCode.NOT_FOUND, b"")
