"""Ports: free ones are free and distinct, taken ones are told clearly."""

import socket
from collections.abc import Iterator

import pytest

from dev_servers.errors import PortInUse
from dev_servers.ports import free_port, is_free, require_free
from temporal_common.errors import Refused


@pytest.fixture
def taken() -> Iterator[int]:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        yield port


def test_free_ports_can_be_listened_on_and_never_repeat() -> None:
    ports = [free_port() for _ in range(50)]

    assert all(is_free(port) for port in ports)
    assert len(set(ports)) == 50


def test_free_ports_stay_out_of_the_range_of_outgoing_connections() -> None:
    assert all(free_port() < 32_768 for _ in range(50))


def test_a_port_where_something_listens_is_not_free(taken: int) -> None:
    assert not is_free(taken)


def test_a_port_taken_on_all_addresses_is_not_free() -> None:
    port = free_port()
    with socket.create_server(("0.0.0.0", port)):
        assert not is_free(port)


def test_a_port_is_free_again_although_connections_of_its_last_server_linger() -> None:
    port = free_port()
    with (
        socket.create_server(("127.0.0.1", port)) as server,
        socket.create_connection(("127.0.0.1", port)) as client,
    ):
        server.accept()[0].close()  # the server's side closes first: TIME_WAIT is on its port
        assert client.recv(1) == b""

    require_free(port, "a server that starts again")


def test_a_port_in_use_is_refused_with_who_wants_it_and_the_option_that_mends_it(
    taken: int,
) -> None:
    with pytest.raises(PortInUse) as error:
        require_free(taken, "Temporal dev server", option="--temporal-port")

    assert str(error.value) == (
        f"port {taken} on 127.0.0.1 is in use (Temporal dev server wants it); "
        "stop what listens there or pass --temporal-port"
    )
    assert isinstance(error.value, Refused)
