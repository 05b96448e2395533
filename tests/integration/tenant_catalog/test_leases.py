"""How many of a tenant's activities are in flight, on a real Postgres."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from temporal_common.tenant_limit import AtTenantLimit
from tenant_catalog.database import Database
from tenant_catalog.errors import DatabaseUnavailable
from tenant_catalog.leases import TenantLeases, open_tenant_leases
from tests.support.holding import held_table, until
from tests.support.postgres import database_settings, opened

LIMIT = 3
SHORT = timedelta(seconds=0.3)


@asynccontextmanager
async def process(
    url: str, *, limit: int = LIMIT, lease_time: timedelta = SHORT, workload: str = "tenant"
) -> AsyncIterator[TenantLeases]:
    """The leases as one process sees them, with connections of its own, renewed."""
    settings = database_settings(url, lock_timeout=0.1)
    async with open_tenant_leases(
        settings, workload=workload, limit=limit, lease_time=lease_time
    ) as leases:
        yield leases


async def rows(database: Database) -> list[tuple[str, str, int]]:
    async with database.transaction() as connection:
        found = await connection.execute(
            "SELECT workload, tenant, place FROM catalog.tenant_leases ORDER BY 1, 2, 3"
        )
        return [(workload, tenant, place) for workload, tenant, place in await found.fetchall()]


async def hold(stack: AsyncExitStack, leases: TenantLeases, tenant: str, times: int) -> None:
    for _ in range(times):
        await stack.enter_async_context(leases.lease(tenant))


async def test_a_tenant_gets_as_many_leases_as_the_limit_over_all_processes(
    database_url: str,
) -> None:
    async with process(database_url) as one, process(database_url) as other:
        async with AsyncExitStack() as held:
            await hold(held, one, "acme", 2)
            await hold(held, other, "acme", 1)
            assert (one.leases, other.leases) == (2, 1)
            for leases in (one, other):
                with pytest.raises(AtTenantLimit, match=r"'acme' has as many .*: 3 of workload"):
                    await held.enter_async_context(leases.lease("acme"))
        async with AsyncExitStack() as held:
            await hold(held, other, "acme", LIMIT)


async def test_tenants_and_workloads_have_limits_of_their_own(database_url: str) -> None:
    async with (
        AsyncExitStack() as held,
        process(database_url) as tenant,
        process(database_url, workload="jobs") as jobs,
    ):
        await hold(held, tenant, "acme", LIMIT)
        await hold(held, tenant, "globex", LIMIT)
        await hold(held, jobs, "acme", LIMIT)


async def test_a_lease_that_is_given_back_leaves_nothing(
    database_url: str, database: Database
) -> None:
    async with process(database_url) as leases:
        async with leases.lease("acme"):
            assert await rows(database) in ([("tenant", "acme", place)] for place in (1, 2, 3))
        assert leases.leases == 0
    assert await rows(database) == []


async def test_however_many_ask_at_once_there_are_never_more_than_the_limit(
    database_url: str,
) -> None:
    in_flight, most, refused = 0, 0, 0

    async def work(leases: TenantLeases) -> None:
        nonlocal in_flight, most, refused
        for _ in range(15):
            try:
                async with leases.lease("acme"):
                    in_flight += 1
                    most = max(most, in_flight)
                    await asyncio.sleep(0.005)  # longer than it takes to ask
                    in_flight -= 1
            except AtTenantLimit:
                refused += 1

    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        for _ in range(4):
            leases = await stack.enter_async_context(process(database_url))
            for _ in range(5):
                tasks.create_task(work(leases))

    assert most == LIMIT
    assert refused > 0


async def test_a_place_is_never_refused_while_one_is_free(database_url: str) -> None:
    """Those that choose the same place at the same time choose again."""
    async with AsyncExitStack() as stack:
        processes = [
            await stack.enter_async_context(process(database_url, limit=8)) for _ in range(4)
        ]
        for _ in range(5):
            async with AsyncExitStack() as held:
                await asyncio.gather(*(hold(held, leases, "acme", 2) for leases in processes))


async def test_what_a_dead_process_held_is_free_when_it_expires(
    database_url: str, database: Database
) -> None:
    dead = TenantLeases(
        database, workload="tenant", limit=LIMIT, lease_time=SHORT
    )  # renews nothing
    async with process(database_url) as other:
        for _ in range(LIMIT):
            await dead._acquire("acme")
        with pytest.raises(AtTenantLimit):
            await other._acquire("acme")

        async def free() -> bool:
            try:
                async with other.lease("acme"):
                    return True
            except AtTenantLimit:
                return False

        await until(free, within=5)


async def test_what_is_held_is_renewed_beyond_its_lease_time(
    database_url: str, database: Database
) -> None:
    async with process(database_url, limit=1) as leases, leases.lease("acme"):
        async with database.transaction() as connection:
            first = await (
                await connection.execute("SELECT expires_at FROM catalog.tenant_leases")
            ).fetchone()

        async def beyond() -> bool:
            async with database.transaction() as connection:
                later = await connection.execute(
                    "SELECT FROM catalog.tenant_leases WHERE %s < now() AND expires_at > now()",
                    first,
                )
                return later.rowcount == 1

        await until(beyond, within=5)
        with pytest.raises(AtTenantLimit):
            await leases._acquire("acme")
        assert leases.leases == 1


async def test_a_process_that_cannot_renew_says_so_once_and_has_its_leases_again_when_it_can(
    database_url: str,
) -> None:
    async with process(database_url) as leases, leases.lease("acme"):
        with capture_logs() as logs:
            async with held_table(database_url, "catalog", "tenant_leases"):

                async def lost() -> bool:
                    return leases.leases == 0

                await until(lost, within=5)
                with pytest.raises(DatabaseUnavailable):
                    await leases._acquire("globex")
                await asyncio.sleep(SHORT.total_seconds())  # for further renewals that fail

            async def again() -> bool:
                return leases.leases == 1

            await until(again, within=5)
    [line] = [entry for entry in logs if entry["log_level"] == "warning"]
    assert line["event"].startswith("tenant leases lost")
    assert (line["leases"], line["tenants"]) == (1, ["acme"])


async def test_a_lease_that_another_process_took_over_is_lost_and_not_released(
    database_url: str, database: Database
) -> None:
    async with process(database_url, limit=1) as leases:
        with capture_logs() as logs:
            async with leases.lease("acme"):
                async with database.transaction() as connection:
                    await connection.execute(
                        "UPDATE catalog.tenant_leases SET holder = gen_random_uuid(),"
                        " expires_at = now() + interval '1 minute'"
                    )

                async def lost() -> bool:
                    return leases.leases == 0

                await until(lost, within=5)
        assert leases.leases == 0
    assert await rows(database) == [("tenant", "acme", 1)]
    assert "others have taken their places" in str(logs)


async def test_work_that_is_done_stays_done_when_its_lease_cannot_be_released(
    database_url: str,
) -> None:
    async with AsyncExitStack() as stack:
        leases = await stack.enter_async_context(process(database_url))
        async with leases.lease("acme"):
            await stack.enter_async_context(held_table(database_url, "catalog", "tenant_leases"))
        assert leases.leases == 0


async def test_rows_of_the_dead_are_removed_at_a_start(
    database_url: str, database: Database
) -> None:
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO catalog.tenant_leases SELECT 'tenant', tenant, 1, gen_random_uuid(), at"
            " FROM (VALUES ('old', now() - interval '2 hours'), ('new', now())) AS t (tenant, at)"
        )
    async with process(database_url):
        assert await rows(database) == [("tenant", "new", 1)]


async def test_while_nothing_is_held_there_is_no_statement(database_url: str) -> None:
    async with opened(database_url) as database:
        leases = TenantLeases(database, workload="tenant", limit=1, lease_time=timedelta(0))
        renewing = asyncio.create_task(leases.renew_for_ever())
        for _ in range(20):  # turns of the loop, in each of which it could renew
            await asyncio.sleep(0)
        renewing.cancel()
        assert database._pool.get_stats().get("requests_num", 0) == 0
