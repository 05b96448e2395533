"""Fixtures: one Temporal dev server per test process; every test has task queues of its own."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.client import Client

from dev_servers.temporal_server import TemporalServer, temporal_server
from temporal_common.client import connect
from temporal_common.connection import Connection
from temporal_common.testing import connection_to, fresh_prefix
from tests.support.rendezvous import Rendezvous, rendezvous


@pytest_asyncio.fixture(scope="session")
async def temporal() -> AsyncIterator[TemporalServer]:
    """A server for all tests. Whoever stops or kills one starts their own."""
    async with temporal_server() as server:
        yield server


@pytest.fixture
def temporal_connection(temporal: TemporalServer) -> Connection:
    return connection_to(temporal.address)


@pytest_asyncio.fixture(scope="session")
async def temporal_client(temporal: TemporalServer) -> Client:
    return await connect(connection_to(temporal.address))


@pytest.fixture
def queue_prefix() -> str:
    """`TEMPORAL_QUEUE_PREFIX` of this test alone."""
    return fresh_prefix()


@pytest_asyncio.fixture
async def held() -> AsyncIterator[Rendezvous]:
    """Where the activities of this test report and wait; see `tests.support.probe`."""
    async with rendezvous() as place:
        yield place
