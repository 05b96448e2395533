"""fleetctl when a server, the services or its reader are away, or the person has had enough."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client

from dev_servers.ports import free_port
from dev_servers.temporal_server import TemporalServer, temporal_server
from fleetctl.exit_codes import ExitCode
from fleetctl.failures import Failure
from fleetctl.follow import Work, follow, one_step
from temporal_common.queues import QueueLayout
from temporal_common.routing import Router
from tests.support.commands import environment, fleetctl_in_pipe, running_fleetctl


def provision(slug: str = "acme") -> tuple[str, ...]:
    return ("tenant", "provision", slug, "--admin-email", "admin@acme.test")


@pytest.fixture
def nothing() -> str:
    """An address where nobody listens."""
    return f"127.0.0.1:{free_port()}"


@pytest_asyncio.fixture
async def own_temporal() -> AsyncIterator[TemporalServer]:
    """A server that the test may kill."""
    async with temporal_server() as server:
        yield server


async def test_a_temporal_that_is_away_is_one_line(nothing: str) -> None:
    ended = await fleetctl_in_pipe(*provision(), settings={"TEMPORAL_ADDRESS": nothing})

    assert ended.code == ExitCode.UNREACHABLE
    assert ended.out == ""
    assert ended.err == (
        f"fleetctl: Temporal cannot be reached at {nothing}: connection refused "
        "(TEMPORAL_ADDRESS)\n"
    )


async def test_a_database_that_is_away_is_one_line(nothing: str) -> None:
    url = f"postgresql://postgres:secret@{nothing}/fleet"

    ended = await fleetctl_in_pipe("tenant", "list", settings={"DATABASE_URL": url})

    assert ended.code == ExitCode.UNREACHABLE
    assert ended.err.startswith(f"fleetctl: Postgres at {nothing}/fleet is not reachable: ")
    assert ended.err.count("\n") == 1
    assert "secret" not in ended.err


async def test_a_setting_that_is_wrong_is_a_usage_error(temporal: TemporalServer) -> None:
    ended = await fleetctl_in_pipe(
        *provision(),
        settings={"TEMPORAL_ADDRESS": temporal.address, "TEMPORAL_QUEUE_SHARDS": "many"},
    )

    assert ended.code == ExitCode.USAGE
    assert ended.err.startswith("fleetctl: TEMPORAL_QUEUE_SHARDS='many' is not valid: ")


async def test_ctrl_c_says_that_the_work_goes_on(
    temporal: TemporalServer, queue_prefix: str, slug: str
) -> None:
    settings = {"TEMPORAL_ADDRESS": temporal.address, "TEMPORAL_QUEUE_PREFIX": queue_prefix}
    async with running_fleetctl(*provision(slug), settings=settings) as command:
        await command.until_said("is started")

        command.interrupt()
        ended = await command.finish()

    assert ended.code == ExitCode.INTERRUPTED
    assert ended.out == ""
    assert ended.err.endswith(
        f"fleetctl: the provisioning of {slug} goes on; "
        f"look at it with: fleetctl tenant status {slug}\n"
    )


async def test_the_same_work_twice_at_once_is_a_conflict(
    temporal: TemporalServer, queue_prefix: str, slug: str
) -> None:
    settings = {"TEMPORAL_ADDRESS": temporal.address, "TEMPORAL_QUEUE_PREFIX": queue_prefix}
    await fleetctl_in_pipe(*provision(slug), "--no-wait", settings=settings)

    again = await fleetctl_in_pipe(*provision(slug), settings=settings)

    assert again.code == ExitCode.CONFLICT
    assert again.err == (
        f"fleetctl: tenant {slug!r} is being provisioned already; "
        f"look at it with: fleetctl tenant status {slug}\n"
    )


async def test_the_status_of_a_tenant_whose_work_nobody_has_begun_says_so(
    temporal: TemporalServer, queue_prefix: str, database_url: str, slug: str
) -> None:
    settings = {
        "TEMPORAL_ADDRESS": temporal.address,
        "TEMPORAL_QUEUE_PREFIX": queue_prefix,
        "DATABASE_URL": database_url,
    }
    await fleetctl_in_pipe(*provision(slug), "--no-wait", settings=settings)

    status = await fleetctl_in_pipe("tenant", "status", slug, settings=settings)

    assert status.code == ExitCode.OK
    assert status.out == (
        f"slug  {slug}\n"
        f"provisioning is running: workflow tenant-provisioning/{slug}\n"
        "  no worker answers; is the service running?\n"
    )


async def test_the_status_without_temporal_is_what_the_catalogue_knows(
    nothing: str, database_url: str, active_tenant: str
) -> None:
    status = await fleetctl_in_pipe(
        *("tenant", "status", active_tenant, "--json"),
        settings={"TEMPORAL_ADDRESS": nothing, "DATABASE_URL": database_url},
    )

    assert status.code == ExitCode.OK
    assert status.document["state"] == "active"
    assert "whether work is running for it is not known" in status.err


async def test_who_waits_without_a_worker_is_told_which_queue_nobody_polls(
    temporal_client: Client,
    queue_prefix: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("fleetctl.follow._NO_WORKER_AFTER", 0.0)
    route = Router(QueueLayout(queue_prefix)).tenant("acme")
    queue = route.task_queue
    handle = await temporal_client.start_workflow("Lonely", id=queue_prefix, **route.options())
    work = Work("the work", temporal_client, handle, queue, "look")
    waiting = asyncio.create_task(follow(work, handle.result(), one_step(handle, "step")))
    said = ""

    async with asyncio.timeout(20):
        while not said:  # a captured stream gives no event
            said = capsys.readouterr().err
            await asyncio.sleep(0.05)
    await handle.terminate(reason="enough")
    with pytest.raises(Failure) as failure:
        await waiting

    assert f"no worker answers on task queue {queue}; is the service running" in said
    assert failure.value.message == "the work was terminated: enough"
    assert failure.value.code == ExitCode.FAILED


async def test_a_temporal_that_dies_while_someone_waits_is_one_line(
    own_temporal: TemporalServer,
) -> None:
    settings = {"TEMPORAL_ADDRESS": own_temporal.address}
    async with running_fleetctl(*provision(), "--json", settings=settings) as command:
        await command.until_said("is started")

        await own_temporal.kill()
        ended = await command.finish(within=60)

    assert ended.code == ExitCode.UNREACHABLE
    assert ended.document["error"]["type"] == "TemporalUnavailable"
    assert "Temporal does not answer. Still waiting." in ended.err


@pytest.mark.parametrize("command", [("tenant", "list"), ("--help",)])
async def test_a_reader_that_has_gone_is_no_error(
    command: tuple[str, ...], database_url: str, active_tenant: str
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fleetctl", *command),
        env=environment({"DATABASE_URL": database_url}),
        stdout=writing,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(writing)

    _, err = await process.communicate()

    assert err == b""


async def test_a_closed_stdout_is_no_error(database_url: str, active_tenant: str) -> None:
    process = await asyncio.create_subprocess_shell(
        f"exec {sys.executable} -m fleetctl tenant list >&-",
        env=environment({"DATABASE_URL": database_url}),
        stderr=asyncio.subprocess.PIPE,
    )

    _, err = await process.communicate()

    assert (process.returncode, err) == (ExitCode.OK, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
async def test_a_full_disk_under_stdout_is_a_failure(database_url: str, active_tenant: str) -> None:
    process = await asyncio.create_subprocess_shell(
        f"exec {sys.executable} -m fleetctl tenant list > /dev/full",
        env=environment({"DATABASE_URL": database_url}),
        stderr=asyncio.subprocess.PIPE,
    )

    _, err = await process.communicate()

    assert process.returncode == ExitCode.FAILED
    assert err == b"fleetctl: the output cannot be written: No space left on device\n"
