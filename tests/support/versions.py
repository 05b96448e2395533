"""A server that notices in seconds what it else notices in minutes; versioned workers on it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Final

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.worker import Worker

from dev_servers.temporal_server import TemporalServer, temporal_server
from temporal_common.client import connect
from temporal_common.deployments import VersionStatus, describe_deployment
from temporal_common.errors import Refused
from temporal_common.testing import connection_to, fresh_prefix
from temporal_common.version_state import version_states
from temporal_common.versioning import deployment_config
from tests.support.holding import until
from tests.support.versioned_workflows import Moving, Pinned, nothing

QUICK: Final = {
    "matching.wv.VersionDrainageStatusVisibilityGracePeriod": '"1s"',
    "matching.wv.VersionDrainageStatusRefreshInterval": '"1s"',
    # A poller is forgotten sooner than its poll would be renewed, unless that is quick as well.
    "matching.PollerHistoryTTL": '"3s"',
    "matching.longPollExpirationInterval": '"1s"',
}
"""The defaults are 3 minutes, 3 minutes, 5 minutes and 1 minute."""


@pytest_asyncio.fixture(scope="session")
async def quick_temporal() -> AsyncIterator[TemporalServer]:
    async with temporal_server(dynamic_config=QUICK) as server:
        yield server


@pytest_asyncio.fixture(scope="session")
async def quick_client(quick_temporal: TemporalServer) -> Client:
    return await connect(connection_to(quick_temporal.address))


@pytest.fixture
def deployment_name() -> str:
    """A deployment that no other test has."""
    return fresh_prefix()


@asynccontextmanager
async def workers_of(
    client: Client, deployment: str, build_id: str, *task_queues: str
) -> AsyncIterator[None]:
    """A worker of a version on each of these queues, all of which the server lists."""
    config = deployment_config(WorkerDeploymentVersion(deployment, build_id))
    async with AsyncExitStack() as stack:
        for queue in task_queues:
            worker = Worker(
                client,
                task_queue=queue,
                workflows=[Pinned, Moving],
                activities=[nothing],
                identity=f"{build_id}@test",
                deployment_config=config,
                graceful_shutdown_timeout=timedelta(seconds=1),
            )
            await stack.enter_async_context(worker)
        await until_polled(client, deployment, build_id, queues=len(task_queues))
        yield


async def until_polled(client: Client, deployment: str, build_id: str, *, queues: int = 1) -> None:
    """Until the server lists workers of the version on so many queues, for both types of task."""

    async def polled() -> bool:
        try:
            version = (await describe_deployment(client, deployment)).version(build_id)
            [state] = await version_states(client, [version])
        except Refused:
            return False
        return len(state.polled()) == 2 * queues

    await until(polled)


async def until_status(
    client: Client, deployment: str, build_id: str, status: VersionStatus
) -> None:
    async def reached() -> bool:
        version = (await describe_deployment(client, deployment)).version(build_id)
        return version.status is status

    await until(reached)


async def until_forgotten(client: Client, deployment: str, build_id: str) -> None:
    """Until the server lists no worker of the version any more."""

    async def forgotten() -> bool:
        version = (await describe_deployment(client, deployment)).version(build_id)
        [state] = await version_states(client, [version])
        return not state.listed

    await until(forgotten)
