"""For every activity of both services: a state to run it in, and how a workflow runs it there."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, LiteralString
from uuid import UUID, uuid5

from psycopg import sql

from tenant_catalog.cleanup import TokenCleanup
from tenant_catalog.contracts.cleanup import ExpiringTable
from tenant_catalog.contracts.tenants import TenantRef
from tenant_catalog.contracts.users import Role
from tenant_catalog.database import Database
from tenant_catalog.tenants import TenantCatalog
from tenant_catalog.users import IssuedToken, Onboarding, UserCatalog
from tests.support.tenants import PURGE_AFTER, built, purging, reserved
from worker_jobs.activities.cleanup import DeleteExpired
from worker_tenant.activities.deletion import BeginDeletion, Restore
from worker_tenant.activities.onboarding import ActivateUser, AddUser, IssueToken
from worker_tenant.activities.provisioning import (
    Abandon,
    ApplyMigration,
    CreateAdmin,
    Reserve,
    TakeBack,
)

NEW_ID = UUID("00000000-0000-4000-8000-0000000000aa")
EXPIRED = datetime(2020, 1, 1, tzinfo=UTC)
NEVER = datetime(2099, 1, 1, tzinfo=UTC)
OPERATION = "this-run"


class World:
    """What a scenario prepares its state with."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.catalog = TenantCatalog(database, mail_domain="fleet.test")
        self.users = UserCatalog(database, mail_domain="fleet.test")
        self.cleanup = TokenCleanup(database)

    async def execute(self, query: LiteralString | sql.Composed, *values: Any) -> None:
        async with self.database.transaction() as connection:
            await connection.execute(query, values or None)


Run = Callable[[Any], Awaitable[Any]]
"""Runs the activity with a request: once, twice, or cut off in between."""


@dataclass(frozen=True)
class Scenario:
    activity: str
    play: Callable[[World, Run], Awaitable[object]]
    """Prepares the state, runs the activity to its end, and gives what the workflow goes by."""
    progresses: bool
    """Whether the workflow calls it in a loop, so that a second call does the next part."""

    @property
    def name(self) -> str:
        return self.play.__name__


SCENARIOS: list[Scenario] = []


def scenario(
    activity: str, *, progresses: bool = False
) -> Callable[[Callable[[World, Run], Awaitable[object]]], None]:
    def add(play: Callable[[World, Run], Awaitable[object]]) -> None:
        SCENARIOS.append(Scenario(activity, play, progresses))

    return add


# Provisioning


@scenario("reserve_tenant")
async def reserve_a_new_slug(_world: World, run: Run) -> object:
    return await run(Reserve("acme", "Acme", NEW_ID, OPERATION))


@scenario("reserve_tenant")
async def reserve_what_a_terminated_run_left(world: World, run: Run) -> object:
    await built(world.catalog)
    return await run(Reserve("acme", "Acme", NEW_ID, OPERATION))


@scenario("create_schema")
async def create_schema(world: World, run: Run) -> object:
    return await run(await reserved(world.catalog))


@scenario("pending_migrations")
async def list_pending_migrations(world: World, run: Run) -> object:
    tenant = await reserved(world.catalog)
    await world.catalog.create_schema(tenant)
    return await run(tenant)


@scenario("apply_migration")
async def apply_the_first_migration(world: World, run: Run) -> object:
    tenant = await reserved(world.catalog)
    await world.catalog.create_schema(tenant)
    [first, *_] = await world.catalog.pending_migrations(tenant)
    return await run(ApplyMigration(tenant, first))


@scenario("create_admin")
async def create_admin(world: World, run: Run) -> object:
    tenant = await reserved(world.catalog)
    return await run(CreateAdmin(tenant, "admin@acme.test", NEW_ID))


@scenario("create_admin")
async def create_admin_who_has_an_account(world: World, run: Run) -> object:
    await _active(world, "globex", admin="admin@acme.test")
    tenant = await reserved(world.catalog)
    return await run(CreateAdmin(tenant, "admin@acme.test", NEW_ID))


@scenario("apply_defaults")
async def apply_defaults(world: World, run: Run) -> object:
    return await run(await _migrated(world))


@scenario("activate_tenant")
async def activate_tenant(world: World, run: Run) -> object:
    return await run(await built(world.catalog))


@scenario("take_back")
async def take_back_a_provisioning(world: World, run: Run) -> object:
    await world.catalog.reserve("acme", "Acme", NEW_ID, OPERATION)
    return await run(TakeBack("acme", OPERATION))


@scenario("take_back")
async def take_back_nothing(world: World, run: Run) -> object:
    await _active(world)
    return await run(TakeBack("acme", OPERATION))


@scenario("abandon_tenant")
async def abandon_tenant(world: World, run: Run) -> object:
    tenant = await world.catalog.reserve("acme", "Acme", NEW_ID, OPERATION)
    await world.catalog.create_admin(tenant, "admin@acme.test", NEW_ID)
    taken_back = await world.catalog.take_back("acme", OPERATION)
    assert taken_back is not None
    return await run(Abandon(taken_back, "the disk is full"))


# Deletion


@scenario("begin_deletion")
async def begin_deletion(world: World, run: Run) -> object:
    await _active(world)
    return await run(BeginDeletion("acme", PURGE_AFTER, OPERATION))


@scenario("begin_deletion")
async def begin_deletion_of_what_a_terminated_run_was_purging(world: World, run: Run) -> object:
    await purging(world.catalog)
    return await run(BeginDeletion("acme", PURGE_AFTER, OPERATION))


@scenario("restore_tenant")
async def restore_tenant(world: World, run: Run) -> object:
    return await run(Restore(await _deleting(world), OPERATION))


@scenario("begin_purge")
async def begin_purge(world: World, run: Run) -> object:
    return await run(await _deleting(world))


@scenario("drop_tables", progresses=True)
async def drop_tables_in_batches(world: World, run: Run) -> object:
    tenant = await purging(world.catalog)
    for number in range(60):  # more than one batch
        table = sql.Identifier(tenant.schema_name, f"extra_{number}")
        await world.execute(sql.SQL("CREATE TABLE {} (id int)").format(table))
    while (dropped := await run(tenant)).remaining:
        pass
    return dropped


@scenario("drop_schema")
async def drop_schema(world: World, run: Run) -> object:
    tenant = await purging(world.catalog)
    await world.catalog.drop_tables(tenant)
    return await run(tenant)


@scenario("erase_records")
async def erase_records(world: World, run: Run) -> object:
    tenant = await purging(world.catalog)
    await world.catalog.drop_tables(tenant)
    await world.catalog.drop_schema(tenant)
    return await run(tenant)


# Onboarding


@scenario("add_user")
async def add_user(world: World, run: Run) -> object:
    await _active(world)
    return await run(AddUser("acme", "jo@acme.test", "Jo", Role.MEMBER, NEW_ID, OPERATION))


@scenario("issue_token")
async def issue_a_token(world: World, run: Run) -> object:
    return await run(IssueToken(await _pending_user(world), NEVER, reminder=False))


@scenario("issue_token")
async def issue_a_token_with_a_reminder(world: World, run: Run) -> object:
    member, _ = await _user_with_token(world)
    return await run(IssueToken(member, NEVER, reminder=True))


@scenario("activate_user")
async def activate_user(world: World, run: Run) -> object:
    member, token = await _user_with_token(world)
    return await run(ActivateUser(member, token.digest))


@scenario("expire_user")
async def expire_user(world: World, run: Run) -> object:
    member, _ = await _user_with_token(world)
    return await run(member)


@scenario("send_mail")
async def send_mail(world: World, run: Run) -> object:
    _, token = await _user_with_token(world)
    return await run(token.mail_key)


# Token clean-up


@scenario("delete_expired", progresses=True)
async def delete_expired_tokens(world: World, run: Run) -> object:
    await _tokens(world, expired=10, live=3)
    table, after = ExpiringTable.REFRESH_TOKENS, None
    while True:
        done = await run(DeleteExpired("cleanup", table, PURGE_AFTER, batch_size=3, after=after))
        if done.exhausted:
            return "exhausted"
        after = done.cursor


@scenario("count_deleted")
async def count_deleted(world: World, run: Run) -> object:
    await _deleted_tokens(world)
    return await run("cleanup")


@scenario("forget_counts")
async def forget_counts(world: World, run: Run) -> object:
    await _deleted_tokens(world)
    return await run("cleanup")


async def _active(world: World, slug: str = "acme", *, admin: str = "admin@acme.test") -> TenantRef:
    """An active tenant without a schema: quickly made, for whoever does not look into it."""
    tenant = await reserved(world.catalog, slug)
    await world.catalog.create_admin(tenant, admin, uuid5(tenant.tenant_id, admin))
    await world.catalog.activate(tenant)
    return tenant


async def _deleting(world: World) -> TenantRef:
    await _active(world)
    tenant, _ = await world.catalog.begin_deletion("acme", PURGE_AFTER, "the deletion")
    return tenant


async def _migrated(world: World) -> TenantRef:
    tenant = await reserved(world.catalog)
    await world.catalog.create_schema(tenant)
    for migration in await world.catalog.pending_migrations(tenant):
        await world.catalog.apply_migration(tenant, migration)
    return tenant


async def _pending_user(world: World) -> Onboarding:
    await _active(world)
    return await world.users.add_user("acme", "jo@acme.test", "Jo", Role.MEMBER, NEW_ID, OPERATION)


async def _user_with_token(world: World) -> tuple[Onboarding, IssuedToken]:
    member = await _pending_user(world)
    return member, await world.users.issue_verification(member, NEVER)


async def _tokens(world: World, *, expired: int, live: int) -> None:
    tenant = await _active(world)
    for expires_at, number in ((EXPIRED, expired), (NEVER, live)):
        await world.execute(
            "INSERT INTO catalog.refresh_tokens (tenant_id, user_id, token_digest, expires_at)"
            " SELECT %s, user_id, %s || n, %s FROM catalog.users, generate_series(1, %s) n",
            tenant.tenant_id,
            f"{expires_at:%Y}-",
            expires_at,
            number,
        )


async def _deleted_tokens(world: World) -> None:
    await _tokens(world, expired=5, live=1)
    await world.cleanup.delete_expired_batch(
        ExpiringTable.REFRESH_TOKENS,
        cutoff=PURGE_AFTER,
        after=None,
        limit=10,
        cleanup_id="cleanup",
    )
