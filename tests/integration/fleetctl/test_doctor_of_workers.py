"""fleetctl doctor: task queues that nobody serves, workers and versions with a fault."""

from dataclasses import replace

from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion

from dev_servers.ports import free_port
from fleetctl.exit_codes import ExitCode
from temporal_common.connection import Connection
from temporal_common.queues import TENANT, QueueLayout
from temporal_common.testing import running_service
from temporal_common.worker import Workload
from tests.support.diagnoses import QUEUES_ALONE, check, doctor, the_problem
from tests.support.probe.worker import PROBE
from tests.support.queues import start_work


async def make_current(client: Client, deployment: str, build_id: str) -> None:
    """Whether it has workers or not."""
    await client.workflow_service.set_worker_deployment_current_version(
        SetWorkerDeploymentCurrentVersionRequest(
            namespace=client.namespace,
            deployment_name=deployment,
            build_id=build_id,
            allow_no_pollers=True,
            ignore_missing_task_queues=True,
        )
    )


# Queues


async def test_a_queue_with_work_and_no_poller_is_named(
    settings: dict[str, str], temporal_client: Client, queue_prefix: str
) -> None:
    queue = QueueLayout(queue_prefix).task_queue(TENANT)
    await start_work(temporal_client, queue, 2)

    ended = await doctor(*QUEUES_ALONE, settings=settings)

    assert ended.code == ExitCode.FAILED
    holding, idle = check(ended, "pollers")["problems"]
    assert holding["what"].startswith("2 running workflows and ")
    assert holding["what"].endswith(f" on {queue.name}, and nobody polls it")
    assert holding["mend"].startswith("start workers of 'tenant', with the TEMPORAL_NAMESPACE")
    assert idle["what"].startswith(f"nobody polls {queue_prefix}.jobs.00: work that is sent there")


async def test_a_worker_that_has_stopped_is_no_poller(
    settings: dict[str, str], temporal_connection: Connection, queue_prefix: str
) -> None:
    layout = QueueLayout(queue_prefix)
    async with running_service([PROBE], connection=temporal_connection, layout=layout):
        while_it_runs = await doctor(*QUEUES_ALONE, settings=settings)
    ended = await doctor(*QUEUES_ALONE, settings=settings)

    assert check(while_it_runs, "pollers")["detail"] == "1 of 2 task queues are polled"
    assert check(ended, "pollers")["detail"] == "0 of 2 task queues are polled"


async def test_a_shard_left_behind_is_named(
    settings: dict[str, str], temporal_client: Client, queue_prefix: str
) -> None:
    left = QueueLayout(queue_prefix, shards=4).task_queue(TENANT, 3)
    await start_work(temporal_client, left, 2)

    ended = await doctor(*QUEUES_ALONE, settings=settings)

    assert ended.code == ExitCode.FAILED
    problem = the_problem(ended, "left behind")
    assert f" on {left.name}, which is outside the layout, and nobody polls it" in problem["what"]
    assert "TEMPORAL_QUEUE_SHARDS of 4 or more" in problem["mend"]


async def test_a_shard_that_workers_have_adopted_is_no_problem(
    settings: dict[str, str],
    temporal_client: Client,
    temporal_connection: Connection,
    queue_prefix: str,
) -> None:
    left = QueueLayout(queue_prefix, shards=4).task_queue(TENANT, 3)
    await start_work(temporal_client, left, 2)
    layout = QueueLayout(queue_prefix)
    async with running_service([PROBE], connection=temporal_connection, layout=layout):
        ended = await doctor(*QUEUES_ALONE, settings=settings)

    found = check(ended, "left behind")
    assert found["verdict"] == "ok"
    assert found["detail"] == (
        f"2 running workflows outside the layout, on {left.name}; "
        "1 of 1 such queues are polled until they are empty"
    )


# Versions


async def test_versioned_workers_without_a_current_version_are_named(
    settings: dict[str, str],
    temporal_client: Client,
    temporal_connection: Connection,
    queue_prefix: str,
) -> None:
    layout = QueueLayout(queue_prefix)
    version = WorkerDeploymentVersion(queue_prefix, "v1")
    async with running_service(
        [PROBE], connection=temporal_connection, layout=layout, version=version
    ):
        ended = await doctor(*QUEUES_ALONE, settings=settings)
        await make_current(temporal_client, queue_prefix, "v1")
        then = await doctor(*QUEUES_ALONE, settings=settings)

    problem = the_problem(ended, "versions")
    assert problem["what"].endswith(
        f"only versioned workers poll {queue_prefix}.tenant.00: new workflows wait there"
    )
    assert problem["mend"] == f"fleetctl deploy promote {queue_prefix} v1"
    assert check(then, "versions")["verdict"] == "ok"
    assert check(then, "versions")["detail"] == f"{queue_prefix}: v1 is current"


async def test_a_current_version_without_workers_is_named(
    settings: dict[str, str],
    temporal_client: Client,
    temporal_connection: Connection,
    queue_prefix: str,
) -> None:
    layout = QueueLayout(queue_prefix)
    version = WorkerDeploymentVersion(queue_prefix, "v1")
    async with running_service(
        [PROBE], connection=temporal_connection, layout=layout, version=version
    ):
        await make_current(temporal_client, queue_prefix, "v2")
        ended = await doctor(*QUEUES_ALONE, settings=settings)

    problem = the_problem(ended, "versions")
    assert problem["what"] == (
        f"{queue_prefix}:v2 is current and gets 100 % of the new workflows, and no worker of it "
        "polls"
    )
    assert problem["mend"].endswith(f"take the work back: fleetctl deploy rollback {queue_prefix}")


# Workers


async def test_a_pool_smaller_than_the_slots_of_a_worker_is_named(
    settings: dict[str, str], temporal_connection: Connection, queue_prefix: str
) -> None:
    spec = replace(PROBE, pool_size=lambda _settings: 5)
    layout = QueueLayout(queue_prefix)
    async with running_service([spec], connection=temporal_connection, layout=layout) as service:
        url = f"{service.health.url}/health"
        ended = await doctor(*QUEUES_ALONE, "--health", url, settings=settings)

    assert ended.code == ExitCode.FAILED
    problem = the_problem(ended, "workers")
    assert problem["what"].startswith(
        "test-service, workload probe: DATABASE_POOL_SIZE=5 is below "
        "WORKER_MAX_CONCURRENT_ACTIVITIES=20"
    )
    assert problem["where"].endswith(f" at {url}")
    assert problem["mend"] == "raise it to 20, or lower the slots to 5"


async def test_a_pool_in_this_environment_is_compared_with_the_slots_of_a_worker(
    settings: dict[str, str], temporal_connection: Connection, queue_prefix: str
) -> None:
    layout = QueueLayout(queue_prefix)
    async with running_service([PROBE], connection=temporal_connection, layout=layout) as service:
        url = f"{service.health.url}/health"
        ended = await doctor(
            *QUEUES_ALONE, "--health", url, settings={**settings, "DATABASE_POOL_SIZE": "5"}
        )

    assert the_problem(ended, "settings")["what"].startswith(
        "DATABASE_POOL_SIZE=5 is below the 20 activities that workers of the fleet do at once"
    )


async def test_a_pool_smaller_than_the_slots_of_this_environment_is_named(
    settings: dict[str, str],
) -> None:
    ended = await doctor(
        *QUEUES_ALONE,
        settings={
            **settings,
            "DATABASE_POOL_SIZE": "5",
            "WORKER_MAX_CONCURRENT_ACTIVITIES": "20",
        },
    )

    assert ended.code == ExitCode.FAILED
    problem = the_problem(ended, "settings")
    assert problem["what"].startswith("DATABASE_POOL_SIZE=5 is below WORKER_MAX_CONCURRENT")
    assert problem["where"] == "environment of this command"


async def test_a_worker_of_another_layout_is_named(
    settings: dict[str, str], temporal_connection: Connection, queue_prefix: str
) -> None:
    layout = QueueLayout(queue_prefix, shards=2)
    async with running_service(
        [Workload(PROBE, PROBE.tuning, PROBE.settings())],
        connection=temporal_connection,
        layout=layout,
    ) as service:
        url = f"{service.health.url}/health"
        ended = await doctor(*QUEUES_ALONE, "--health", url, settings=settings)

    problem = the_problem(ended, "workers")
    assert problem["what"] == "test-service has TEMPORAL_QUEUE_SHARDS=2, this command has 1"
    assert problem["mend"].endswith("another number of shards goes by: fleetctl shards plan")


async def test_a_worker_that_does_not_answer_is_named(settings: dict[str, str]) -> None:
    url = f"http://127.0.0.1:{free_port()}/health"

    ended = await doctor(*QUEUES_ALONE, "--health", url, settings=settings)

    assert the_problem(ended, "workers")["what"].startswith(f"no worker answers at {url}: ")


async def test_an_address_that_is_no_workers_health_is_named(
    settings: dict[str, str], temporal_connection: Connection
) -> None:
    async with running_service([PROBE], connection=temporal_connection) as service:
        url = f"{service.health.url}/livez"
        ended = await doctor(*QUEUES_ALONE, "--health", url, settings=settings)

    assert "its answer is not that of a worker's /health" in the_problem(ended, "workers")["what"]
