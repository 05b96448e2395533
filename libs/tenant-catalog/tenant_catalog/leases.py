"""Leases in Postgres: how many activities a tenant has in flight, over all processes of a workload.

A tenant has numbered places in each workload, and a lease is a row that holds one of them: the
primary key keeps two processes from holding the same. Not advisory locks: those of a session do not
go through PgBouncer in transaction mode, and would need a connection for each activity.

Who dies frees its places when they expire, by the server's clock. Who cannot renew does not end its
activities: the limit shares out capacity and guards no data (that is what generations are for), and
work that is cut off is work done twice. Until they end, the tenant may be over its limit by them.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

import structlog

from temporal_common.errors import FleetError
from temporal_common.tenant_limit import AtTenantLimit
from tenant_catalog.database import Database, open_database
from tenant_catalog.settings import DatabaseSettings

log = structlog.get_logger()

LEASE_TIME: Final = timedelta(seconds=15)
"""How long a dead process keeps its places."""

_RENEWALS: Final = 3  # in a lease time
# Of their own: a renewal must not wait behind statements of activities, which may take longer than
# a lease lasts. Each use is a millisecond or two.
_CONNECTIONS: Final = 2
_STATEMENT_TIMEOUT: Final = 3.0
_CHOICES: Final = 5
_KEEP_EXPIRED: Final = timedelta(hours=1)

_ACQUIRE: Final = """
    WITH free AS MATERIALIZED (
        SELECT places.place FROM generate_series(1, %(limit)s) AS places (place)
        WHERE NOT EXISTS (
            SELECT FROM catalog.tenant_leases held
            WHERE held.workload = %(workload)s AND held.tenant = %(tenant)s
                AND held.place = places.place AND held.expires_at > now()
        )
    ), taken AS (
        INSERT INTO catalog.tenant_leases AS lease (workload, tenant, place, holder, expires_at)
        SELECT %(workload)s, %(tenant)s, place, %(holder)s, now() + %(lease_time)s
        FROM free ORDER BY random() LIMIT 1
        ON CONFLICT (workload, tenant, place) DO UPDATE
            SET holder = EXCLUDED.holder, expires_at = EXCLUDED.expires_at
            WHERE lease.expires_at <= now()
        RETURNING place
    )
    SELECT (SELECT place FROM taken), EXISTS (SELECT FROM free)
"""
_RENEW: Final = """
    UPDATE catalog.tenant_leases AS lease SET expires_at = now() + %(lease_time)s
    FROM unnest(%(tenants)s::text[], %(places)s::integer[]) AS held (tenant, place)
    WHERE lease.workload = %(workload)s AND lease.tenant = held.tenant
        AND lease.place = held.place AND lease.holder = %(holder)s
    RETURNING lease.tenant, lease.place
"""
_RELEASE: Final = """
    DELETE FROM catalog.tenant_leases WHERE workload = %(workload)s AND tenant = %(tenant)s
        AND place = %(place)s AND holder = %(holder)s
"""
_REMOVE_EXPIRED: Final = "DELETE FROM catalog.tenant_leases WHERE expires_at < now() - %s"
_Key = tuple[str, int]  # tenant and place


class TenantLeases:
    """The leases of one workload, seen from one process; a `temporal_common` `TenantLimiter`."""

    def __init__(
        self, database: Database, *, workload: str, limit: int, lease_time: timedelta = LEASE_TIME
    ) -> None:
        self.workload = workload
        self.limit = limit
        self._database = database
        self._lease_time = lease_time
        self._holder = uuid4()
        self._valid_until: dict[_Key, float] = {}
        """By this process's clock, from before the statement: never later than by the server's."""
        self._lost: set[_Key] = set()

    @property
    def leases(self) -> int:
        return len(self._valid_until) - len(self._lost)

    @asynccontextmanager
    async def lease(self, tenant: str) -> AsyncIterator[None]:
        """Holds one of the tenant's places while the block runs.

        While processes with different limits run (a rollout), the larger one holds.

        Raises:
            AtTenantLimit: all places are held.
            DatabaseUnavailable, DatabaseRefused: see `Database.transaction`.
        """
        place = await self._acquire(tenant)
        try:
            yield
        finally:
            await self._release(tenant, place)

    async def renew_for_ever(self) -> None:
        """Renews what is held, in time; no statement while nothing is."""
        while True:
            await asyncio.sleep(self._lease_time.total_seconds() / _RENEWALS)
            if self._valid_until:
                await self._renew()

    async def remove_expired(self, *, older_than: timedelta) -> None:
        """Removes rows of processes that died, and of tenants that are gone."""
        async with self._database.transaction() as connection:
            await connection.execute(_REMOVE_EXPIRED, [older_than])

    async def _acquire(self, tenant: str) -> int:
        # Two may choose the same free place: one of them gets it, and the other chooses again.
        for _ in range(_CHOICES):
            begun = time.monotonic()
            async with self._database.transaction() as connection:
                rows = await connection.execute(
                    _ACQUIRE, {**self._parameters(), "tenant": tenant, "limit": self.limit}
                )
                place, free = await rows.fetchone() or (None, False)
            if place is not None:
                self._valid_until[tenant, place] = begun + self._lease_time.total_seconds()
                return int(place)
            if not free:
                break
        raise AtTenantLimit(
            f"tenant {tenant!r} has as many activities in flight as it may: {self.limit} of "
            f"workload {self.workload!r} (WORKER_MAX_CONCURRENT_ACTIVITIES_PER_TENANT)"
        )

    async def _release(self, tenant: str, place: int) -> None:
        self._valid_until.pop((tenant, place), None)
        self._lost.discard((tenant, place))
        try:
            async with self._database.transaction() as connection:
                await connection.execute(
                    _RELEASE, {**self._parameters(), "tenant": tenant, "place": place}
                )
        except FleetError as error:  # the work is done, whatever became of its lease
            log.warning("tenant lease not released; it will expire", reason=str(error))

    async def _renew(self) -> None:
        held, begun = list(self._valid_until), time.monotonic()
        try:
            async with self._database.transaction() as connection:
                rows = await connection.execute(
                    _RENEW,
                    {
                        **self._parameters(),
                        "tenants": [tenant for tenant, _ in held],
                        "places": [place for _, place in held],
                    },
                )
                renewed = set(await rows.fetchall())
        except FleetError as error:
            now = time.monotonic()
            self._note_lost({key for key in held if self._valid_until.get(key, now) < now}, error)
            return
        for key in self._valid_until.keys() & renewed:
            self._valid_until[key] = begun + self._lease_time.total_seconds()
        self._note_lost(set(held) - renewed, "others have taken their places")

    def _note_lost(self, lost: set[_Key], reason: object) -> None:
        lost &= self._valid_until.keys()  # the others were released meanwhile
        if news := lost - self._lost:
            log.warning(
                "tenant leases lost; their activities go on, beyond the limit",
                leases=len(news),
                tenants=sorted({tenant for tenant, _ in news}),
                reason=str(reason),
            )
        self._lost = lost

    def _parameters(self) -> dict[str, str | UUID | timedelta]:
        return {
            "workload": self.workload,
            "holder": self._holder,
            "lease_time": self._lease_time,
        }


@asynccontextmanager
async def open_tenant_leases(
    settings: DatabaseSettings, *, workload: str, limit: int, lease_time: timedelta = LEASE_TIME
) -> AsyncIterator[TenantLeases]:
    """Leases that are renewed until the block ends. Needs the catalogue, and two connections."""
    settings = settings.model_copy(
        update={"pool_size": _CONNECTIONS, "statement_timeout": _STATEMENT_TIMEOUT}
    )
    async with open_database(
        settings, pool_size=_CONNECTIONS, application_name=f"{workload}-leases"
    ) as database:
        leases = TenantLeases(database, workload=workload, limit=limit, lease_time=lease_time)
        with suppress(FleetError):  # tidiness can wait for the next start
            await leases.remove_expired(older_than=_KEEP_EXPIRED)
        renewing = asyncio.create_task(leases.renew_for_ever(), name="lease renewal")
        try:
            yield leases
        finally:
            renewing.cancel()
            with suppress(asyncio.CancelledError):
                await renewing
