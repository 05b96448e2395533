"""Whether Postgres is there and has the catalogue that this release needs."""

from typing import TYPE_CHECKING, Final

from fleetctl.checks.verdicts import Checked, Problem, judged, left_out, ok

if TYPE_CHECKING:
    from tenant_catalog.database import Database

POSTGRES: Final = "postgres"
CATALOGUE: Final = "catalogue"


async def check_postgres() -> list[Checked]:
    """That Postgres answers, and has all migrations.

    Raises:
        SettingsError: `DATABASE_URL` or another of its settings is not valid.
    """
    from fleetctl.session import open_postgres
    from tenant_catalog.errors import DatabaseRefused, DatabaseUnavailable

    async with open_postgres() as database:
        try:
            await database.ping()
        except (DatabaseUnavailable, DatabaseRefused) as error:
            what, _, mend = str(error).partition("; ")
            away = Problem(what, database.address, mend or "correct DATABASE_URL")
            return [
                judged(POSTGRES, "no connection", [away]),
                left_out(CATALOGUE, "needs Postgres"),
            ]
        return [
            ok(POSTGRES, f"answers at {database.address}"),
            await _check_catalogue(database),
        ]


async def _check_catalogue(database: "Database") -> Checked:
    from tenant_catalog.errors import DatabaseRefused, MigrationDrift
    from tenant_catalog.migrations.apply import CATALOG_SCHEMA, pending
    from tenant_catalog.migrations.files import catalog_migrations

    known = catalog_migrations()
    try:
        async with database.transaction() as connection:
            waiting = await pending(connection, CATALOG_SCHEMA, known)
    except (MigrationDrift, DatabaseRefused) as error:
        what, _, mend = str(error).partition("; ")
        return judged(CATALOGUE, "cannot be told", [Problem(what, database.address, mend)])
    at = len(known) - len(waiting)
    behind = Problem(
        f"the catalogue is at version {at}, this release needs {len(known)}: "
        f"{', '.join(migration.name for migration in waiting)}",
        database.address,
        "start a service of this release, which migrates it, with a role that may",
    )
    return judged(CATALOGUE, f"at version {at}", [behind] if waiting else [])
