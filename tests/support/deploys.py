"""`fleetctl deploy` on a deployment that only one test has."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from temporalio.client import Client, WorkflowHandle

from dev_servers.temporal_server import TemporalServer
from temporal_common import rollouts
from temporal_common.deployments import describe_deployment
from tests.support.commands import Finished, fleetctl_in_pipe
from tests.support.holding import until
from tests.support.versions import workers_of


class Deploy:
    """`fleetctl deploy`, on the deployment of one test."""

    def __init__(self, server: TemporalServer, client: Client, name: str) -> None:
        self.settings = {"TEMPORAL_ADDRESS": server.address}
        self.client = client
        self.name = name

    async def __call__(self, command: str, *arguments: str) -> Finished:
        return await fleetctl_in_pipe(
            "deploy", command, self.name, *arguments, settings=self.settings
        )

    async def shares(self) -> dict[str, tuple[str, float]]:
        """Status and share of each version, as the server has them."""
        deployment = await describe_deployment(self.client, self.name)
        return {v.build_id: (v.status.value, v.share) for v in deployment.versions}


@pytest.fixture
def deploy(quick_temporal: TemporalServer, quick_client: Client, deployment_name: str) -> Deploy:
    return Deploy(quick_temporal, quick_client, deployment_name)


async def make_current(deploy: Deploy, build_id: str) -> None:
    """By the library, for tests that are about what comes after it."""
    deployment = await describe_deployment(deploy.client, deploy.name)
    await rollouts.promote(deploy.client, deployment, build_id)


@asynccontextmanager
async def two_versions(client: Client, deploy: Deploy) -> AsyncIterator[None]:
    """v1 is current, v2 polls the same queue."""
    async with workers_of(client, deploy.name, "v1", deploy.name):
        await make_current(deploy, "v1")
        async with workers_of(client, deploy.name, "v2", deploy.name):
            yield


async def start(client: Client, deploy: Deploy, workflow: type) -> WorkflowHandle[object, object]:
    """A workflow that a worker has begun, so that it belongs to a version."""
    handle = await client.start_workflow(
        workflow.__name__, id=f"{deploy.name}/{workflow.__name__}", task_queue=deploy.name
    )

    async def begun() -> bool:
        described = await handle.describe()
        info = described.raw_description.workflow_execution_info
        return bool(info.versioning_info.deployment_version.build_id)

    await until(begun)
    return handle


def error(done: Finished) -> str:
    [line] = [line for line in done.err.splitlines() if line.startswith("fleetctl: ")]
    assert done.out == ""
    return line.removeprefix("fleetctl: ")
