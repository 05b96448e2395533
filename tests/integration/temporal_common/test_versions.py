"""A versioned worker, as the server lists it."""

import asyncio
from uuid import uuid4

from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    DescribeWorkerDeploymentResponse,
)
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode

from temporal_common.connection import Connection
from temporal_common.testing import running_service
from tests.support.probe.worker import PROBE


async def deployment(client: Client, name: str) -> DescribeWorkerDeploymentResponse:
    """It comes to be with the first poll, about half a second later."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await client.workflow_service.describe_worker_deployment(
                    DescribeWorkerDeploymentRequest(
                        namespace=client.namespace, deployment_name=name
                    )
                )
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
            await asyncio.sleep(0.1)


async def test_a_versioned_service_registers_its_version(
    temporal_client: Client, temporal_connection: Connection
) -> None:
    version = WorkerDeploymentVersion(f"worker-{uuid4().hex[:8]}", "v1")
    async with running_service([PROBE], connection=temporal_connection, version=version) as service:
        described = await deployment(temporal_client, version.deployment_name)
        health = (await service.health.get("/health")).json
        metrics = (await service.health.get("/metrics")).text

    [summary] = described.worker_deployment_info.version_summaries
    assert summary.deployment_version.build_id == "v1"
    assert health["build_id"] == "v1"
    assert f'deployment="{version.deployment_name}"' in metrics
    assert 'build_id="v1"' in metrics
