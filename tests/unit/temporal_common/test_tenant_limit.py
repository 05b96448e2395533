"""Who is admitted at a tenant's limit, and when the others ask again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from temporalio.common import Priority
from temporalio.testing import ActivityEnvironment

from temporal_common.errors import FleetError, Refused, Unavailable
from temporal_common.tenant_limit import AtTenantLimit, NotAdmitted, Refusals, TenantLimit


class Leases:
    """Whoever keeps them, with the answer that a test wants."""

    workload, limit, leases = "tenant", 1, 0

    def __init__(self, answer: FleetError | None = None) -> None:
        self.asked: list[str] = []
        self._answer = answer

    @asynccontextmanager
    async def lease(self, tenant: str) -> AsyncIterator[None]:
        self.asked.append(tenant)
        if self._answer:
            raise self._answer
        yield


async def run(leases: Leases, *, work: Exception | None = None, **info: Any) -> None:
    environment = ActivityEnvironment()
    priority = Priority(fairness_key="acme")
    environment.info = replace(environment.info, **{"priority": priority, **info})

    async def in_activity() -> None:
        async with TenantLimit(leases).admitted():
            if work:
                raise work

    await environment.run(in_activity)


@pytest.mark.parametrize(
    "answer",
    [AtTenantLimit("enough"), Unavailable("Postgres is away"), Refused("no right to the table")],
    ids=lambda answer: type(answer).__name__,
)
async def test_without_a_lease_an_activity_is_not_admitted_whatever_the_reason(
    answer: FleetError,
) -> None:
    with pytest.raises(NotAdmitted, match=str(answer)):
        await run(Leases(answer))


async def test_what_an_admitted_activity_raises_passes() -> None:
    with pytest.raises(AtTenantLimit):
        await run(Leases(), work=AtTenantLimit("of another service"))


@pytest.mark.parametrize(
    "info", [{"priority": Priority()}, {"priority": Priority(fairness_key="")}, {"is_local": True}]
)
async def test_work_of_no_tenant_and_local_activities_need_no_lease(info: dict[str, Any]) -> None:
    leases = Leases(AtTenantLimit("enough"))
    await run(leases, **info)
    assert leases.asked == []


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def refuse(refusals: Refusals, tenant: str, count: int) -> float:
    """The last of so many activities of the tenant; how long it stays away, in seconds."""
    delays = [refusals.delay(tenant, number).total_seconds() for number in range(count)]
    return delays[-1]


@pytest.mark.parametrize(
    ("waiting", "ceiling"), [(1, 0.25), (5, 0.25), (20, 1.0), (100, 5.0), (500, 5.0)]
)
def test_the_more_of_a_tenant_wait_the_later_each_asks_again(waiting: int, ceiling: float) -> None:
    delays = [refuse(Refusals(), "acme", waiting) for _ in range(50)]
    assert ceiling / 2 <= min(delays) < max(delays) <= ceiling


def test_an_activity_that_asks_again_counts_once() -> None:
    refusals = Refusals()
    for _ in range(200):
        delay = refusals.delay("acme", "the same")
    assert delay.total_seconds() <= 0.25


def test_tenants_do_not_hold_each_other_up() -> None:
    refusals = Refusals()
    refuse(refusals, "acme", 200)
    assert refuse(refusals, "globex", 1) <= 0.25


def test_who_was_admitted_waits_no_longer() -> None:
    refusals = Refusals()
    refuse(refusals, "acme", 200)
    for number in range(200):
        refusals.forget("acme", number)
    refusals.forget("globex", "never refused")
    assert refuse(refusals, "acme", 1) <= 0.25


def test_who_did_not_come_back_was_admitted_elsewhere() -> None:
    clock = Clock()
    refusals = Refusals(clock)
    refuse(refusals, "acme", 200)
    refuse(refusals, "globex", 200)
    clock.now += 10.1
    assert refuse(refusals, "acme", 1) <= 0.25
    assert len(refusals._refused) == 1, "nothing is kept of a tenant that does not wait"
