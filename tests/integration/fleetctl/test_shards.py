"""fleetctl shards, against queues that are served and queues that are not."""

from collections.abc import Mapping
from typing import Any

import pytest
from temporalio.client import Client

from dev_servers.ports import free_port
from fleetctl.exit_codes import ExitCode
from temporal_common.connection import Connection
from temporal_common.queues import TENANT, QueueLayout
from temporal_common.routing import shard_of
from temporal_common.testing import running_service
from tenant_catalog.database import Database
from tenant_catalog.tenants import TenantCatalog
from tests.support.commands import Finished, fleetctl_in_pipe
from tests.support.probe.worker import PROBE
from tests.support.queues import start_work
from tests.support.tenants import reserved


@pytest.fixture
def settings(settings: dict[str, str]) -> dict[str, str]:
    """Of a fleet of two shards, without workers."""
    return {**settings, "TEMPORAL_QUEUE_SHARDS": "2"}


async def plan(*options: str, settings: Mapping[str, str]) -> Finished:
    return await fleetctl_in_pipe(
        *("shards", "plan", "--no-database", "--json", *options), settings=settings
    )


def steps(ended: Finished) -> list[tuple[str, str]]:
    return [(step["actor"], step["state"]) for step in ended.document["steps"]]


def rows(ended: Finished) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ended.document["queues"]
    return found


# status


async def test_the_status_of_served_queues(
    settings: dict[str, str], temporal_connection: Connection, queue_prefix: str
) -> None:
    layout = QueueLayout(queue_prefix, shards=2)
    async with running_service([PROBE], connection=temporal_connection, layout=layout):
        ended = await fleetctl_in_pipe("shards", "status", settings=settings)

    assert ended.code == ExitCode.OK
    header, first, second = ended.out.splitlines()
    assert header.split()[:3] == ["TASK", "QUEUE", "USE"]
    assert first.split() == [
        f"{queue_prefix}.tenant.00",
        *["in", "use", "0", "0", "0", "1", "/", "1"],
    ]
    assert second.split() == [
        f"{queue_prefix}.tenant.01",
        *["in", "use", "0", "0", "0", "1", "/", "1"],
    ]


async def test_the_status_with_a_stranded_queue_fails(
    settings: dict[str, str], temporal_client: Client, queue_prefix: str
) -> None:
    former = QueueLayout(queue_prefix, shards=8)
    await start_work(temporal_client, former.task_queue(TENANT, 1), 2)
    await start_work(temporal_client, former.task_queue(TENANT, 5))

    ended = await fleetctl_in_pipe("shards", "status", "--json", settings=settings)

    assert ended.code == ExitCode.FAILED
    assert [(row["shard"], row["in_layout"], row["use"]) for row in rows(ended)] == [
        (0, True, "unpolled"),
        (1, True, "stranded"),
        (5, False, "stranded"),
    ]
    assert [row["running_workflows"] for row in rows(ended)] == [0, 2, 1]
    assert ended.err == (
        f"fleetctl: nobody polls {queue_prefix}.tenant.01, {queue_prefix}.tenant.05, "
        "and work waits there\n"
    )


async def test_the_status_of_a_queue_that_workers_have_adopted_is_draining(
    settings: dict[str, str],
    temporal_client: Client,
    temporal_connection: Connection,
    queue_prefix: str,
) -> None:
    await start_work(temporal_client, QueueLayout(queue_prefix, shards=8).task_queue(TENANT, 5))
    layout = QueueLayout(queue_prefix, shards=2)
    async with running_service([PROBE], connection=temporal_connection, layout=layout):
        ended = await fleetctl_in_pipe("shards", "status", "--json", settings=settings)

    assert ended.code == ExitCode.OK
    assert [(row["shard"], row["use"]) for row in rows(ended)] == [
        (0, "in use"),
        (1, "in use"),
        (5, "draining"),
    ]


# plan: growing


async def test_growing_begins_with_the_workers(settings: dict[str, str]) -> None:
    ended = await plan("--to", "4", settings=settings)

    assert ended.code == ExitCode.OK
    assert steps(ended) == [("workers", "next"), ("clients", "would strand")]


@pytest.mark.parametrize("claim", [("--step", "clients"), ("--clients-moved",)])
async def test_clients_that_would_be_ahead_of_the_workers_strand_work(
    claim: tuple[str, ...], settings: dict[str, str]
) -> None:
    ended = await plan("--to", "4", *claim, settings=settings)

    assert ended.code == ExitCode.FAILED


async def test_clients_may_follow_when_workers_poll_every_queue(
    settings: dict[str, str], temporal_connection: Connection, queue_prefix: str
) -> None:
    layout = QueueLayout(queue_prefix, shards=4)
    async with running_service([PROBE], connection=temporal_connection, layout=layout):
        ended = await plan("--to", "4", "--step", "clients", settings=settings)

    assert ended.code == ExitCode.OK
    assert steps(ended) == [("workers", "done"), ("clients", "next")]


# plan: shrinking


async def test_shrinking_begins_with_the_clients(
    settings: dict[str, str], temporal_connection: Connection, queue_prefix: str
) -> None:
    layout = QueueLayout(queue_prefix, shards=2)
    async with running_service([PROBE], connection=temporal_connection, layout=layout):
        ended = await plan("--to", "1", settings=settings)
        too_early = await plan("--to", "1", "--step", "workers", settings=settings)

    assert ended.code == ExitCode.OK
    assert steps(ended) == [("clients", "next"), ("workers", "later"), ("nobody", "later")]
    assert too_early.code == ExitCode.FAILED


async def test_shrinking_to_a_queue_that_nobody_polls_would_strand_work(
    settings: dict[str, str],
) -> None:
    ended = await plan("--to", "1", settings=settings)

    assert ended.code == ExitCode.FAILED
    assert ended.document["would_strand"]
    assert steps(ended)[0] == ("clients", "would strand")


async def test_shrinking_waits_for_what_is_left(
    settings: dict[str, str],
    temporal_client: Client,
    temporal_connection: Connection,
    queue_prefix: str,
) -> None:
    four = {**settings, "TEMPORAL_QUEUE_SHARDS": "4"}
    await start_work(temporal_client, QueueLayout(queue_prefix, shards=4).task_queue(TENANT, 3))
    layout = QueueLayout(queue_prefix, shards=2)
    async with running_service([PROBE], connection=temporal_connection, layout=layout):
        ended = await plan("--to", "2", "--clients-moved", settings=four)

    assert ended.code == ExitCode.OK
    assert steps(ended) == [("clients", "done"), ("workers", "done"), ("nobody", "next")]


async def test_a_plan_says_which_work_is_stranded_already(
    settings: dict[str, str], temporal_client: Client, queue_prefix: str
) -> None:
    queue = QueueLayout(queue_prefix, shards=2).task_queue(TENANT, 1)
    await start_work(temporal_client, queue)

    ended = await plan("--to", "4", settings=settings)

    assert ended.code == ExitCode.FAILED
    assert ended.document["stranded"] == [queue.name]
    assert f"nobody polls {queue.name}, and work waits there" in ended.err


# plan: what moves


async def test_the_plan_counts_the_tenants_that_move(
    settings: dict[str, str], database: Database, database_url: str
) -> None:
    slugs = [f"tenant{number}" for number in range(12)]
    for slug in slugs:
        await reserved(TenantCatalog(database), slug)
    moved = sum(shard_of(slug, 2) != shard_of(slug, 4) for slug in slugs)

    ended = await fleetctl_in_pipe(
        *("shards", "plan", "--to", "4"), settings={**settings, "DATABASE_URL": database_url}
    )

    assert ended.code == ExitCode.OK
    assert "2 → 4 shards: moves about 50.0% of the tenants\n" in ended.out
    assert f"{moved} of 12 tenants in the catalogue move\n" in ended.out
    then = [sum(shard_of(slug, 4) == shard for slug in slugs) for shard in range(4)]
    counted = [line.split()[-1] for line in ended.out.splitlines() if line[:2].isdigit()]
    assert counted == [str(count) for count in then if count]
    assert "1. workers get TEMPORAL_QUEUE_SHARDS=4\n   next: nobody polls " in ended.out


async def test_a_plan_without_postgres_says_so_and_goes_on(settings: dict[str, str]) -> None:
    away = f"postgresql://postgres@127.0.0.1:{free_port()}/fleet"

    ended = await fleetctl_in_pipe(
        *("shards", "plan", "--to", "4"), settings={**settings, "DATABASE_URL": away}
    )

    assert ended.code == ExitCode.OK
    assert "fleetctl: the tenants that move are not counted: Postgres at " in ended.err
    assert "2. clients get TEMPORAL_QUEUE_SHARDS=4" in ended.out


async def test_a_plan_for_the_number_that_is_needs_no_step(settings: dict[str, str]) -> None:
    ended = await fleetctl_in_pipe(
        *("shards", "plan", "--to", "2", "--no-database"), settings=settings
    )

    assert ended.code == ExitCode.OK
    assert "nothing is to be done" in ended.out
