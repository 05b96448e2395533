"""Deletion: softly at first, then for good, down to a tombstone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tenant_catalog import members, schemas, tenant_rows
from tenant_catalog.contracts.tenants import TenantRef, TenantState
from tenant_catalog.database import tenant_lock
from tenant_catalog.errors import IllegalTransition, SchemaNotEmpty
from tenant_catalog.operations import TenantOperations, require_no_schema
from tenant_catalog.tenant_rows import NOW

PROVISIONING, ACTIVE = TenantState.PROVISIONING, TenantState.ACTIVE
DELETING, PURGING, DELETED = TenantState.DELETING, TenantState.PURGING, TenantState.DELETED

DROP_BATCH: Final = 50
"""Tables per transaction: at 18 locks each a seventh of Postgres' default lock table."""


@dataclass(frozen=True)
class DroppedTables:
    dropped_in_all: int
    """By this operation so far, in all its batches and attempts: not to be summed up."""
    remaining: int


class Deletion(TenantOperations):
    """The part of `tenants.TenantCatalog` that ends tenants."""

    async def begin_deletion(
        self, slug: str, purge_after: datetime, operation: str, *, take_over: bool = False
    ) -> tuple[TenantRef, TenantState]:
        """Delete softly: the tenant is closed, and nothing of it is removed before `purge_after`.

        `take_over` also takes a tenant that another run is deleting: for a caller who knows that
        run to have ended before its time (terminated).

        Returns:
            The tenant and its state: `deleting`; or `purging`, when the run that was taken over had
            got that far.

        Raises:
            TenantNotFound: no live tenant has the slug.
            IllegalTransition: it is not active; another operation may be deleting it.
        """
        async with self._database.transaction(tenant_lock(slug)) as connection:
            row = await tenant_rows.find_existing(connection, slug)
            if row.state in (DELETING, PURGING):
                if row.operation == operation:
                    return row.ref, row.state
                if not take_over:
                    raise IllegalTransition(
                        f"tenant {slug!r} is {row.state} already, by operation {row.operation}"
                    )
            await tenant_rows.refuse_overtaken(connection, slug, operation)
            target = PURGING if row.state is PURGING else DELETING
            ref = await tenant_rows.move(
                connection,
                row,
                target,
                operation=operation,
                deleted_at=row.deleted_at or NOW,
                purge_after=purge_after,
                tables_dropped=row.tables_dropped if target is row.state else 0,
            )
            return ref, target

    async def restore(self, ref: TenantRef, operation: str) -> TenantRef:
        """Take a soft deletion back; `ref` is what `begin_deletion` returned."""
        async with self._database.transaction(tenant_lock(ref.slug)) as connection:
            row = await tenant_rows.find_existing(connection, ref.slug)
            again = TenantRef(ref.tenant_id, ref.slug, ref.schema_name, ref.generation + 1)
            if row.ref == again and row.operation == operation and row.state is ACTIVE:
                return row.ref
            row = await tenant_rows.fenced(connection, ref, states={DELETING})
            return await tenant_rows.move(
                connection, row, ACTIVE, operation=operation, deleted_at=None, purge_after=None
            )

    async def begin_purge(self, ref: TenantRef) -> None:
        """The point of no return: from here the tenant cannot be restored."""
        async with self._holding(ref, {DELETING, PURGING}) as (connection, row):
            if row.state is DELETING:
                await tenant_rows.move(connection, row, PURGING)

    async def drop_tables(self, ref: TenantRef, limit: int = DROP_BATCH) -> DroppedTables:
        """Drop up to `limit` tables of a tenant that is purged, or whose provisioning failed.

        Call it until none remains, then `drop_schema`.
        """
        async with self._holding(ref, {PURGING, PROVISIONING}) as (connection, row):
            before = await schemas.count_tables(connection, row.schema_name)
            await schemas.drop_some_tables(connection, row.schema_name, limit)
            remaining = await schemas.count_tables(connection, row.schema_name)
            dropped = row.tables_dropped + before - remaining
            await connection.execute(
                "UPDATE catalog.tenants SET tables_dropped = %s"
                " WHERE tenant_id = %s AND generation = %s",
                [dropped, ref.tenant_id, ref.generation],
            )
            return DroppedTables(dropped, remaining)

    async def drop_schema(self, ref: TenantRef) -> None:
        """Drop the schema with all that is left in it besides tables.

        Raises:
            SchemaNotEmpty: more tables are left than one transaction should drop.
        """
        async with self._holding(ref, {PURGING, PROVISIONING}) as (connection, row):
            left = await schemas.count_tables(connection, row.schema_name)
            if left > DROP_BATCH:
                raise SchemaNotEmpty(
                    f"schema {row.schema_name} still has {left} tables; drop them first"
                )
            await schemas.drop_schema(connection, row.schema_name)

    async def erase(self, ref: TenantRef) -> None:
        """Remove the tenant's people, tokens and mails, and leave the tombstone.

        Users who belong to no other tenant go as well.

        Raises:
            SchemaNotEmpty: the schema is still there.
        """
        async with self._holding(ref, {PURGING, DELETED}) as (connection, row):
            if row.state is PURGING:
                await require_no_schema(connection, row)
                await members.remove_everyone(connection, row.tenant_id)
                await tenant_rows.move(connection, row, DELETED, purged_at=NOW)
