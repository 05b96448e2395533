"""A tenant's schema: its first rows, and its end."""

from typing import Final

from psycopg import sql
from psycopg.types.json import Jsonb

from tenant_catalog.database import Connection
from tenant_catalog.migrations.apply import VERSIONS_TABLE

DEFAULT_SETTINGS: Final = {"locale": "en", "timezone": "UTC", "week_starts_on": "monday"}
DEFAULT_LABELS: Final = {"bug": "#d73a4a", "feature": "#0e8a16", "question": "#d876e3"}
"""Label and its colour."""


async def insert_defaults(connection: Connection, schema: str) -> None:
    """What a new tenant starts with. Rows that are there are left as they are."""
    cursor = connection.cursor()
    await cursor.executemany(
        sql.SQL("INSERT INTO {} (key, value) VALUES (%s, %s) ON CONFLICT DO NOTHING").format(
            sql.Identifier(schema, "settings")
        ),
        [(key, Jsonb(value)) for key, value in DEFAULT_SETTINGS.items()],
    )
    await cursor.executemany(
        sql.SQL("INSERT INTO {} (name, colour) VALUES (%s, %s) ON CONFLICT DO NOTHING").format(
            sql.Identifier(schema, "labels")
        ),
        list(DEFAULT_LABELS.items()),
    )


async def count_tables(connection: Connection, schema: str) -> int:
    """Tables of the schema, foreign and partitioned ones and materialized views among them."""
    return len(await _tables(connection, schema))


async def drop_some_tables(connection: Connection, schema: str, limit: int) -> None:
    """Drop up to `limit` tables and all that depends on them.

    In batches because each drop takes locks (18 for a table with key, index, foreign key and
    identity), and Postgres keeps them all until the commit: `DROP SCHEMA … CASCADE` of 1,600 tables
    fails with 53200 under the default max_locks_per_transaction.
    """
    tables = (await _tables(connection, schema))[:limit]
    for kind, statement in _DROP.items():
        names = [sql.Identifier(schema, name) for name, relkind in tables if relkind == kind]
        if names:
            # IF EXISTS: dropping a table drops its partitions and its materialized views as well.
            await connection.execute(
                sql.SQL("{} IF EXISTS {} CASCADE").format(statement, sql.SQL(", ").join(names))
            )


async def drop_schema(connection: Connection, schema: str) -> None:
    """Drop the schema with what is left in it: views, sequences, functions, types."""
    await connection.execute(
        sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema))
    )


# pg_class.relkind. Partitions count as tables of their own, and come before what they are part of.
_DROP: Final = {
    "m": sql.SQL("DROP MATERIALIZED VIEW"),
    "f": sql.SQL("DROP FOREIGN TABLE"),
    "r": sql.SQL("DROP TABLE"),
    "p": sql.SQL("DROP TABLE"),
}


async def _tables(connection: Connection, schema: str) -> list[tuple[str, str]]:
    """(name, relkind) of each table: that of the migrations first, then in the order of `_DROP`.

    First, because a schema whose other tables are gone in part must not look as if it had them: a
    provisioning that takes it over would go by its versions.
    """
    order = "".join(_DROP)
    rows = await connection.execute(
        "SELECT relname, relkind::text FROM pg_class"
        " WHERE relnamespace = to_regnamespace(quote_ident(%s))"
        " AND strpos(%s, relkind::text) > 0"
        " ORDER BY relname = %s DESC, strpos(%s, relkind::text), relname",
        [schema, order, VERSIONS_TABLE, order],
    )
    return await rows.fetchall()
