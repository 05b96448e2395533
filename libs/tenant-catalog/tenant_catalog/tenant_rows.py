"""The rows of `catalog.tenants`: read, fenced, moved along the state machine with their event."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row

from tenant_catalog.contracts.tenants import TenantRef, TenantState
from tenant_catalog.database import Connection
from tenant_catalog.errors import IllegalTransition, StaleGeneration, TenantNotFound
from tenant_catalog.transitions import check_transition

NOW: Final = sql.SQL("now()")
"""Postgres' clock at the start of the transaction, as a value for `move`."""
_PARAMETER: Final = sql.Placeholder()


@dataclass(frozen=True)
class TenantRow:
    """A tenant as the catalogue knows it. Times are Postgres', with a time zone."""

    tenant_id: UUID
    slug: str
    display_name: str
    schema_name: str
    state: TenantState
    generation: int
    operation: str
    """Id of the workflow run that holds it, or held it last."""
    taken_back: bool
    """Its provisioning has begun to take itself back."""
    failure: str | None
    """Why provisioning failed; only with the state `failed`."""
    tables_dropped: int
    """By the operation that holds it, in all its attempts."""
    created_at: datetime
    activated_at: datetime | None
    deleted_at: datetime | None
    """When it was deleted softly."""
    purge_after: datetime | None
    purged_at: datetime | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", TenantState(self.state))

    @property
    def ref(self) -> TenantRef:
        return TenantRef(self.tenant_id, self.slug, self.schema_name, self.generation)


_COLUMNS: Final = sql.SQL(", ").join(
    sql.Identifier(name) for name in TenantRow.__dataclass_fields__
)


async def find(connection: Connection, slug: str) -> TenantRow | None:
    """The live tenant of a slug; a tombstone is none."""
    rows = await select(connection, sql.SQL("WHERE slug = %s AND state <> 'deleted'"), slug)
    return rows[0] if rows else None


async def find_existing(connection: Connection, slug: str) -> TenantRow:
    row = await find(connection, slug)
    if row is None:
        raise TenantNotFound(f"there is no tenant {slug!r}")
    return row


async def fenced(
    connection: Connection, ref: TenantRef, *, states: Collection[TenantState]
) -> TenantRow:
    """The row of `ref`, if it is still at that generation and in one of `states`.

    The caller holds the tenant's lock, so it stays there until the commit.

    Raises:
        StaleGeneration: another operation has taken the tenant over.
        IllegalTransition: it is in another state.
    """
    rows = await select(
        connection,
        sql.SQL("WHERE tenant_id = %s AND generation = %s"),
        ref.tenant_id,
        ref.generation,
    )
    if not rows:
        raise StaleGeneration(
            f"tenant {ref.slug!r} is no longer at generation {ref.generation}: another operation "
            "has taken it over, and nothing was changed"
        )
    [row] = rows
    if row.state not in states:
        raise IllegalTransition(
            f"tenant {row.slug!r} is {row.state}, and this is only done to one that is "
            f"{' or '.join(sorted(states))}"
        )
    return row


async def add(
    connection: Connection,
    *,
    tenant_id: UUID,
    slug: str,
    display_name: str,
    schema: str,
    operation: str,
) -> TenantRef:
    """Insert a new tenant, provisioning, at generation 1."""
    await connection.execute(
        "INSERT INTO catalog.tenants"
        " (tenant_id, slug, display_name, schema_name, state, generation, operation)"
        " VALUES (%s, %s, %s, %s, %s, 1, %s)",
        [tenant_id, slug, display_name, schema, TenantState.PROVISIONING, operation],
    )
    ref = TenantRef(tenant_id, slug, schema, 1)
    await _record(connection, ref, None, TenantState.PROVISIONING, operation)
    return ref


async def move(
    connection: Connection,
    row: TenantRow,
    target: TenantState,
    *,
    operation: str | None = None,
    detail: str | None = None,
    **changes: object,
) -> TenantRef:
    """Bring the tenant to another state, and write that down in its events.

    With `operation`, that operation takes the tenant over, in the same state perhaps: the
    generation grows by one. `changes` are further columns and their values.

    Raises:
        IllegalTransition, StaleGeneration
    """
    if operation is None or target is not row.state:
        check_transition(row.slug, row.state, target)
    generation = row.generation if operation is None else row.generation + 1
    holder = operation or row.operation
    values: dict[str, object] = {
        "state": target,
        "generation": generation,
        "operation": holder,
        **changes,
    }
    assignments = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(column), value if value is NOW else _PARAMETER)
        for column, value in values.items()
    )
    parameters = [value for value in values.values() if value is not NOW]
    moved = await connection.execute(
        sql.SQL("UPDATE catalog.tenants SET {} WHERE tenant_id = %s AND generation = %s").format(
            assignments
        ),
        [*parameters, row.tenant_id, row.generation],
    )
    if moved.rowcount == 0:
        raise StaleGeneration(f"tenant {row.slug!r} has left generation {row.generation}")
    ref = TenantRef(row.tenant_id, row.slug, row.schema_name, generation)
    await _record(connection, ref, row.state, target, holder, detail)
    return ref


async def refuse_overtaken(connection: Connection, slug: str, operation: str) -> None:
    """Return unless `operation` had the tenant before and has it no more.

    A frozen worker can wake up long after its run has ended; what it then begins anew would be held
    by nobody.

    Raises:
        StaleGeneration
    """
    seen = await connection.execute(
        "SELECT FROM catalog.tenant_events JOIN catalog.tenants USING (tenant_id)"
        " WHERE tenant_events.operation = %s AND slug = %s LIMIT 1",
        [operation, slug],
    )
    if seen.rowcount:
        raise StaleGeneration(
            f"operation {operation} had tenant {slug!r} before and has it no more; "
            "nothing was changed"
        )


async def select(
    connection: Connection, condition: sql.Composable, *values: Any
) -> list[TenantRow]:
    """The tenants that meet a condition: what follows `FROM catalog.tenants`."""
    async with connection.cursor(row_factory=class_row(TenantRow)) as cursor:
        await cursor.execute(
            sql.SQL("SELECT {} FROM catalog.tenants {}").format(_COLUMNS, condition), values
        )
        return await cursor.fetchall()


async def _record(
    connection: Connection,
    ref: TenantRef,
    source: TenantState | None,
    target: TenantState,
    operation: str,
    detail: str | None = None,
) -> None:
    await connection.execute(
        "INSERT INTO catalog.tenant_events"
        " (tenant_id, generation, from_state, to_state, operation, detail)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        [ref.tenant_id, ref.generation, source, target, operation, detail],
    )
