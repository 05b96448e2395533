"""What a test looks up in the database."""

from typing import Any, LiteralString

from tenant_catalog.database import Database


async def rows(database: Database, query: LiteralString, *values: Any) -> list[tuple[Any, ...]]:
    async with database.transaction() as connection:
        return await (await connection.execute(query, values or None)).fetchall()


async def schemas(database: Database) -> list[str]:
    """The schemas of tenants."""
    found = await rows(
        database, "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, 't_') ORDER BY 1"
    )
    return [name for (name,) in found]


async def tables_of(database: Database, schema: str) -> set[str]:
    found = await rows(database, "SELECT tablename FROM pg_tables WHERE schemaname = %s", schema)
    return {name for (name,) in found}


async def members_of(database: Database, slug: str) -> list[tuple[str, str, str]]:
    """E-mail address, role and state of each member of the live tenant."""
    return [
        (email, role, state)
        for email, role, state in await rows(
            database,
            "SELECT email, role, m.state FROM catalog.memberships m"
            " JOIN catalog.users USING (user_id) JOIN catalog.tenants t USING (tenant_id)"
            " WHERE slug = %s AND t.state <> 'deleted' ORDER BY email",
            slug,
        )
    ]
