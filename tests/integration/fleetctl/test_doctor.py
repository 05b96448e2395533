"""fleetctl doctor: a healthy fleet, its output, and faults of the servers."""

import asyncio

import pytest
from temporalio.client import Client

from dev_servers.ports import free_port
from dev_servers.temporal_server import temporal_server
from fleetctl.checks.fairness_probe import probe
from fleetctl.exit_codes import ExitCode
from tests.support.commands import fleetctl_on_terminal
from tests.support.diagnoses import QUEUES_ALONE, check, doctor, the_problem
from tests.support.fleet import Fleet
from tests.support.holding import until


async def nothing_is_on(client: Client, queue_prefix: str) -> bool:
    """No workflow, in whatever state, is or was on a queue whose name begins so."""
    return (await client.count_workflows(f"TaskQueue STARTS_WITH '{queue_prefix}'")).count == 0


# A healthy fleet


async def test_a_healthy_fleet_is_told_so(fleet: Fleet) -> None:
    asked = [word for url in fleet.health for word in ("--health", url)]

    ended = await fleet.fleetctl("doctor", *asked)

    assert ended.code == ExitCode.OK
    assert ended.out.endswith("the fleet is healthy\n")
    assert [line[0] for line in ended.out.splitlines()[:-1]] == [*"✔✔✔✔✔✔✔✔·✔✔✔·"]
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


async def test_a_probe_that_is_interrupted_leaves_nothing_behind(
    temporal_client: Client, queue_prefix: str
) -> None:
    async def something_is_on() -> bool:
        return not await nothing_is_on(temporal_client, f"{queue_prefix}.doctor.")

    probing = asyncio.create_task(probe(temporal_client, queue_prefix, partitions=8))
    await until(something_is_on)

    probing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probing

    await until(lambda: nothing_is_on(temporal_client, f"{queue_prefix}.doctor."))


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
