"""Provisioning: from a slug to an active tenant, or back to nothing."""

from uuid import UUID

from tenant_catalog import mail_texts, mails, members, schemas, tenant_rows
from tenant_catalog.contracts.tenants import TenantRef, TenantState
from tenant_catalog.database import tenant_lock
from tenant_catalog.errors import IllegalTransition, MigrationDrift, TenantExists
from tenant_catalog.migrations.apply import apply, pending, prepare
from tenant_catalog.migrations.files import tenant_migrations
from tenant_catalog.names import parse_email, parse_slug, schema_name
from tenant_catalog.operations import TenantOperations, require_no_schema
from tenant_catalog.tenant_rows import NOW

PROVISIONING, ACTIVE, FAILED = TenantState.PROVISIONING, TenantState.ACTIVE, TenantState.FAILED


class Provisioning(TenantOperations):
    """The part of `tenants.TenantCatalog` that makes tenants."""

    async def reserve(
        self,
        slug: str,
        display_name: str,
        tenant_id: UUID,
        operation: str,
        *,
        take_over: bool = False,
    ) -> TenantRef:
        """Take a slug for a new tenant, or take over the tenant whose provisioning failed.

        `tenant_id` is for a new tenant; one that is taken over keeps its own. `operation` is the id
        of the workflow run. `take_over` also takes a tenant that another run is provisioning: for a
        caller who knows that run to have ended without taking it back (terminated).

        Raises:
            TenantExists: a live tenant has the slug.
            InvalidName: not a slug.
        """
        parse_slug(slug)
        async with self._database.transaction(tenant_lock(slug)) as connection:
            row = await tenant_rows.find(connection, slug)
            if (
                row is not None
                and row.operation == operation
                and row.state in (PROVISIONING, ACTIVE)
                and not row.taken_back
            ):
                return row.ref
            await tenant_rows.refuse_overtaken(connection, slug, operation)
            if row is None:
                return await tenant_rows.add(
                    connection,
                    tenant_id=tenant_id,
                    slug=slug,
                    display_name=display_name or slug,
                    schema=schema_name(slug, tenant_id),
                    operation=operation,
                )
            if row.state is not FAILED and not (take_over and row.state is PROVISIONING):
                raise TenantExists(f"tenant {slug!r} exists already and is {row.state}")
            await members.take_back_provisioning(connection, row.tenant_id)
            return await tenant_rows.move(
                connection,
                row,
                PROVISIONING,
                operation=operation,
                display_name=display_name or slug,
                failure=None,
                taken_back=False,
                tables_dropped=0,
            )

    async def create_schema(self, ref: TenantRef) -> None:
        async with self._holding(ref, {PROVISIONING}) as (connection, row):
            await prepare(connection, row.schema_name)

    async def pending_migrations(self, ref: TenantRef) -> list[str]:
        """Names of the migrations that the tenant's schema does not have yet, in order."""
        async with self._holding(ref, {PROVISIONING, ACTIVE}) as (connection, row):
            waiting = await pending(connection, row.schema_name, tenant_migrations())
            return [migration.name for migration in waiting]

    async def apply_migration(self, ref: TenantRef, version: str) -> None:
        """Apply one migration, by its name such as `0001_projects`. They apply in order.

        Raises:
            MigrationDrift: an applied file was changed since, it is not this one's turn, or this
                code has no migration of that name.
        """
        known = {migration.name: migration for migration in tenant_migrations()}
        if version not in known:
            raise MigrationDrift(f"there is no migration {version!r}, only: {', '.join(known)}")
        async with self._holding(ref, {PROVISIONING, ACTIVE}) as (connection, row):
            await apply(connection, row.schema_name, known[version], tenant_migrations())

    async def create_admin(self, ref: TenantRef, email: str, user_id: UUID) -> UUID:
        """Make the first administrator and return the user's id.

        The user who has that e-mail address already, else a new one with `user_id`.

        Raises:
            InvalidName: not an e-mail address.
        """
        email = parse_email(email)
        async with self._holding(ref, {PROVISIONING}) as (connection, row):
            known = await members.put_user(
                connection,
                user_id=user_id,
                email=email,
                display_name="",
                state="active",
                created_for=row.tenant_id,
            )
            await members.put_admin(connection, row.tenant_id, known, row.operation)
            return known

    async def apply_defaults(self, ref: TenantRef) -> None:
        """Insert the rows that a new tenant starts with."""
        async with self._holding(ref, {PROVISIONING}) as (connection, row):
            await schemas.insert_defaults(connection, row.schema_name)

    async def activate(self, ref: TenantRef) -> str:
        """Open the tenant, enqueue the welcome mail, and return that mail's idempotency key."""
        key = f"tenant-welcome/{ref.tenant_id}"
        async with self._holding(ref, {PROVISIONING, ACTIVE}) as (connection, row):
            if row.state is PROVISIONING:
                await tenant_rows.move(connection, row, ACTIVE, activated_at=NOW)
                admins = await members.admin_emails(connection, row.tenant_id)
                if not admins:
                    raise IllegalTransition(f"tenant {row.slug!r} has no administrator yet")
                await mails.enqueue(
                    connection,
                    key,
                    tenant_id=row.tenant_id,
                    recipient=admins[0],
                    text=mail_texts.tenant_welcome(row.display_name, row.slug),
                    domain=self._mail_domain,
                )
            return key

    async def take_back(self, slug: str, operation: str) -> TenantRef | None:
        """Begin to take a provisioning back: fence off all that its run may still have under way.

        By slug, because the answer of `reserve` may be what was lost. Then come `drop_tables`,
        `drop_schema` and `abandon`, with the reference that this returns. None if the run holds no
        tenant, or has made it active.
        """
        async with self._database.transaction(tenant_lock(slug)) as connection:
            row = await tenant_rows.find(connection, slug)
            if row is None or row.operation != operation or row.state is not PROVISIONING:
                return None
            if row.taken_back:
                return row.ref
            return await tenant_rows.move(
                connection,
                row,
                PROVISIONING,
                operation=operation,
                detail="taken back",
                taken_back=True,
            )

    async def abandon(self, ref: TenantRef, reason: str) -> None:
        """Take back what a failed provisioning made, after its schema is gone.

        Never touches an active tenant.

        Raises:
            SchemaNotEmpty: the schema is still there.
        """
        async with self._holding(ref, {PROVISIONING, FAILED}) as (connection, row):
            if row.state is PROVISIONING:
                await require_no_schema(connection, row)
                await members.take_back_provisioning(connection, row.tenant_id)
                failure = reason or "no reason given"
                await tenant_rows.move(connection, row, FAILED, detail=failure, failure=failure)
