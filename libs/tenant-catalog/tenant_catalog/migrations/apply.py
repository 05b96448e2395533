"""Apply migrations: one transaction per version, each written down in the schema's own table."""

from collections.abc import Sequence
from typing import Final

from psycopg import sql

from tenant_catalog.database import Connection, Database
from tenant_catalog.errors import MigrationDrift
from tenant_catalog.migrations.files import Migration, catalog_migrations

CATALOG_SCHEMA: Final = "catalog"
_CATALOG_LOCK: Final = "catalog/migrations"
VERSIONS_TABLE: Final = "schema_version"


async def migrate_catalog(
    database: Database, migrations: Sequence[Migration] | None = None
) -> list[str]:
    """Bring the schema `catalog` up to date and return the names of what was applied.

    Any number of processes may do this at once. When nothing is to be done it is one SELECT, which
    a role without the right to create anything may do as well. Versions newer than this code's are
    left alone: while a release is rolled out, the former one still runs.

    Raises:
        MigrationDrift: an applied file was changed since.
        DatabaseUnavailable, DatabaseRefused: see `Database.transaction`.
    """
    known = catalog_migrations() if migrations is None else migrations
    async with database.transaction() as connection:
        waiting = await pending(connection, CATALOG_SCHEMA, known)
    applied = []
    for migration in waiting:
        async with database.transaction(_CATALOG_LOCK) as connection:
            await prepare(connection, CATALOG_SCHEMA)
            if await apply(connection, CATALOG_SCHEMA, migration, known):
                applied.append(migration.name)
    return applied


async def prepare(connection: Connection, schema: str) -> None:
    """Make the schema and its table of versions, if they are not there.

    The caller holds a lock that covers the schema: `IF NOT EXISTS` alone fails when two try.
    """
    if await _exists(connection, schema):
        return
    # Not `IF NOT EXISTS` for the schema: that asks for the right to create one even when it is
    # there, and an administrator may have made the catalogue's for a role without that right.
    if not await schema_exists(connection, schema):
        await connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    await connection.execute(
        sql.SQL(
            "CREATE TABLE {} (version integer PRIMARY KEY, name text NOT NULL,"
            " checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        ).format(sql.Identifier(schema, VERSIONS_TABLE))
    )


async def pending(
    connection: Connection, schema: str, migrations: Sequence[Migration]
) -> list[Migration]:
    """Those of `migrations` that the schema does not have yet, in order.

    Raises:
        MigrationDrift: an applied file was changed since, or one before it was never applied.
    """
    applied: dict[int, str] = {}
    if await _exists(connection, schema):
        rows = await connection.execute(
            sql.SQL("SELECT version, checksum FROM {}").format(
                sql.Identifier(schema, VERSIONS_TABLE)
            )
        )
        applied = {version: checksum for version, checksum in await rows.fetchall()}
    waiting = []
    for migration in migrations:
        checksum = applied.get(migration.version)
        if checksum is None:
            waiting.append(migration)
        elif checksum != migration.checksum:
            raise MigrationDrift(
                f"migration {migration.name}.sql was changed after it was applied to schema "
                f"{schema}; restore the file, and put the change into a new one"
            )
        elif waiting:
            raise MigrationDrift(
                f"schema {schema} has migration {migration.name} but not {waiting[0].name}, which "
                "comes before it; give a new migration the next number"
            )
    return waiting


async def apply(
    connection: Connection, schema: str, migration: Migration, migrations: Sequence[Migration]
) -> bool:
    """Apply one of `migrations` in the open transaction; False if the schema has it already.

    Raises:
        MigrationDrift: as `pending`, or it is not the next one.
    """
    waiting = await pending(connection, schema, migrations)
    if migration not in waiting:
        return False
    if migration != waiting[0]:
        raise MigrationDrift(
            f"migration {migration.name} cannot be applied to schema {schema} before "
            f"{waiting[0].name}"
        )
    # As bytes and without parameters: the file goes as it is, and everything in one message.
    before = sql.SQL("SET LOCAL search_path TO {}, pg_catalog;\n").format(sql.Identifier(schema))
    after = sql.SQL("\n;INSERT INTO {} (version, name, checksum) VALUES ({}, {}, {})").format(
        sql.Identifier(schema, VERSIONS_TABLE),
        migration.version,
        migration.name,
        migration.checksum,
    )
    await connection.execute(
        before.as_bytes(connection) + migration.sql.encode() + after.as_bytes(connection)
    )
    return True


async def schema_exists(connection: Connection, schema: str) -> bool:
    found = await connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", [schema])
    return found.rowcount == 1


async def _exists(connection: Connection, schema: str) -> bool:
    """Whether the schema has a table of versions."""
    found = await connection.execute(
        "SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relname = %s",
        [schema, VERSIONS_TABLE],
    )
    return found.rowcount == 1
