"""fleetctl doctor, against fleets that are well and fleets with a fault."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from temporalio.client import Client

from dev_servers.ports import free_port
from dev_servers.temporal_server import TemporalServer, temporal_server
from fleetctl.exit_codes import ExitCode
from temporal_common.connection import Connection
from temporal_common.queues import TENANT, QueueLayout
from temporal_common.testing import running_service
from temporal_common.worker import Workload
from tests.support.commands import Finished, fleetctl_in_pipe, fleetctl_on_terminal
from tests.support.fleet import Fleet
from tests.support.holding import until
from tests.support.probe.worker import PROBE
from tests.support.queues import start_work

QUEUES_ALONE = ("--no-probe", "--no-database")


async def doctor(*options: str, settings: Mapping[str, str]) -> Finished:
    return await fleetctl_in_pipe("doctor", "--json", *options, settings=settings, within=60)


@pytest.fixture
def settings(temporal: TemporalServer, queue_prefix: str) -> dict[str, str]:
    """Of a fleet without workers."""
    return {"TEMPORAL_ADDRESS": temporal.address, "TEMPORAL_QUEUE_PREFIX": queue_prefix}


async def nothing_is_on(client: Client, queue_prefix: str) -> bool:
    """No workflow, in whatever state, is or was on a queue whose name begins so."""
    return (await client.count_workflows(f"TaskQueue STARTS_WITH '{queue_prefix}'")).count == 0


def check(ended: Finished, name: str) -> dict[str, Any]:
    [found] = [check for check in ended.document["checks"] if check["check"] == name]
    return dict(found)


def the_problem(ended: Finished, name: str) -> dict[str, str]:
    """The only one of a check."""
    found = check(ended, name)
    assert found["verdict"] == "problem"
    [problem] = found["problems"]
    return dict(problem)


# A healthy fleet


async def test_a_healthy_fleet_is_told_so(fleet: Fleet) -> None:
    asked = [word for url in fleet.health for word in ("--health", url)]

    ended = await fleet.fleetctl("doctor", *asked)

    assert ended.code == ExitCode.OK
    assert ended.out.endswith("the fleet is healthy\n")
    assert [line[0] for line in ended.out.splitlines()[:-1]] == ["·", *"✔✔✔✔✔✔✔✔✔✔✔"]
    assert "✔ fairness        tenants take turns, by a probe" in ended.out
    assert "✔ pollers         3 of 3 task queues are polled" in ended.out
    assert "✔ workers         worker-tenant 0.1.0, worker-jobs 0.1.0" in ended.out


async def test_it_leaves_nothing_behind(fleet: Fleet, temporal_client: Client) -> None:
    prefix = fleet.settings["TEMPORAL_QUEUE_PREFIX"]

    ended = await fleet.fleetctl("doctor", "--no-database")

    assert ended.code == ExitCode.OK
    await until(  # the server deletes in the background
        lambda: nothing_is_on(temporal_client, f"{prefix}.doctor.")
    )


async def test_what_is_left_out_is_said_and_is_no_problem(fleet: Fleet) -> None:
    ended = await fleet.fleetctl("doctor", *QUEUES_ALONE, "--json")

    assert (ended.code, ended.document["healthy"]) == (ExitCode.OK, True)
    for name in ("fairness", "priority", "postgres", "workers"):
        assert check(ended, name)["verdict"] == "left out"


async def test_on_a_terminal_a_problem_is_drawn_below_its_check(settings: dict[str, str]) -> None:
    code, _, text = await fleetctl_on_terminal("doctor", *QUEUES_ALONE, settings=settings)

    assert code == ExitCode.FAILED
    assert "✘ pollers" in text
    assert "mend: start workers of 'tenant'" in text


# Temporal


async def test_without_temporal_the_rest_is_looked_at(database_url: str) -> None:
    nothing = f"127.0.0.1:{free_port()}"

    ended = await doctor(settings={"TEMPORAL_ADDRESS": nothing, "DATABASE_URL": database_url})

    assert ended.code == ExitCode.UNREACHABLE
    assert the_problem(ended, "temporal")["what"] == (
        f"Temporal cannot be reached at {nothing}: connection refused (TEMPORAL_ADDRESS)"
    )
    assert check(ended, "pollers")["detail"] == "needs Temporal"
    assert check(ended, "catalogue")["verdict"] == "ok"


async def test_a_wrong_namespace_is_named_with_the_command_that_makes_it(
    settings: dict[str, str],
) -> None:
    ended = await doctor("--no-database", settings={**settings, "TEMPORAL_NAMESPACE": "elsewhere"})

    assert ended.code == ExitCode.FAILED
    problem = the_problem(ended, "temporal")
    assert "TEMPORAL_NAMESPACE='elsewhere' does not exist" in problem["what"]
    assert problem["mend"] == "make it with: temporal operator namespace create -n elsewhere"


async def test_a_setting_that_cannot_be_read_is_a_usage_error(settings: dict[str, str]) -> None:
    ended = await doctor(settings={**settings, "TEMPORAL_QUEUE_SHARDS": "many"})

    assert ended.code == ExitCode.USAGE
    assert ended.document["error"]["type"] == "SettingsError"


# Fairness


async def test_a_server_that_ignores_fairness_keys_is_named() -> None:
    async with temporal_server(dynamic_config={"matching.enableFairness": "false"}) as server:
        ended = await doctor("--no-database", settings={"TEMPORAL_ADDRESS": server.address})

    assert ended.code == ExitCode.FAILED
    assert "takes fairness keys and ignores them" in the_problem(ended, "fairness")["what"]
    assert "set matching.enableFairness to true" in the_problem(ended, "fairness")["mend"]
    assert check(ended, "partitions")["verdict"] == check(ended, "priority")["verdict"] == "ok"


async def test_queues_of_several_partitions_are_named() -> None:
    flags = {
        "matching.numTaskqueueReadPartitions": "3",
        "matching.numTaskqueueWritePartitions": "3",
    }
    async with temporal_server(dynamic_config=flags) as server:
        ended = await doctor("--no-database", settings={"TEMPORAL_ADDRESS": server.address})

    assert ended.code == ExitCode.FAILED
    assert check(ended, "partitions")["detail"] == "3 on 1 of the queues"
    assert "matching.numTaskqueueReadPartitions" in the_problem(ended, "partitions")["mend"]
    assert check(ended, "fairness")["detail"] == "tenants take turns within a partition, by a probe"


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


# Postgres


async def test_a_postgres_that_is_away_is_named(settings: dict[str, str]) -> None:
    url = f"postgresql://postgres:secret@127.0.0.1:{free_port()}/fleet"

    ended = await doctor("--no-probe", settings={**settings, "DATABASE_URL": url})

    assert ended.code == ExitCode.FAILED
    assert "is not reachable" in the_problem(ended, "postgres")["what"]
    assert the_problem(ended, "postgres")["mend"] == "start it, or correct DATABASE_URL"
    assert check(ended, "catalogue")["verdict"] == "left out"
    assert "secret" not in ended.out + ended.err


async def test_a_catalogue_that_is_behind_is_named(
    settings: dict[str, str], empty_database_url: str
) -> None:
    ended = await doctor("--no-probe", settings={**settings, "DATABASE_URL": empty_database_url})

    assert ended.code == ExitCode.FAILED
    assert the_problem(ended, "catalogue")["what"].startswith(
        "the catalogue is at version 0, this release needs "
    )
