"""Onboarding of users: added, asked to verify the address, active or expired.

Each method is one transaction under the tenant's lock and may be called again at any time. A
membership belongs to the workflow run that made it; unlike a tenant's own operations these are not
bound to its generation, since an onboarding may outlast a deletion that was taken back.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import sql

from tenant_catalog import mail_texts, mails, members, tenant_rows
from tenant_catalog.contracts.tenants import TenantRef, TenantState
from tenant_catalog.contracts.users import Role, token_digest
from tenant_catalog.database import Connection, Database, tenant_lock
from tenant_catalog.errors import (
    IllegalTransition,
    InvalidToken,
    MemberNotFound,
    UserExists,
)
from tenant_catalog.mail_texts import MailText
from tenant_catalog.names import parse_email
from tenant_catalog.tenant_rows import TenantRow


@dataclass(frozen=True)
class Onboarding:
    """A user on the way into a tenant, and the workflow run that holds the membership."""

    tenant: TenantRef
    user_id: UUID
    operation: str


@dataclass(frozen=True)
class IssuedToken:
    """A token that a mail carries. The token itself is nowhere but in that mail."""

    digest: str
    """What a token is compared with, by `contracts.users.token_digest`."""
    mail_key: str
    """For `Outbox.deliver`."""


class UserCatalog:
    """All methods raise DatabaseUnavailable and DatabaseRefused. All but `expire_user` raise
    IllegalTransition when the tenant is not active."""

    def __init__(self, database: Database, *, mail_domain: str = "localhost") -> None:
        """`mail_domain`: right-hand side of the mails' Message-ID: the sender's domain."""
        self._database = database
        self._mail_domain = mail_domain

    async def add_user(
        self,
        slug: str,
        email: str,
        display_name: str,
        role: Role,
        user_id: UUID,
        operation: str,
    ) -> Onboarding:
        """Make a pending membership, and the user with `user_id` unless the address has one.

        A pending membership that another run left behind is taken over.

        Raises:
            TenantNotFound: no live tenant has the slug.
            UserExists: an active member already.
            InvalidName: not an e-mail address.
        """
        email = parse_email(email)
        async with self._database.transaction(tenant_lock(slug)) as connection:
            tenant = await tenant_rows.find_existing(connection, slug)
            _require_active(tenant)
            known = await members.put_user(
                connection,
                user_id=user_id,
                email=email,
                display_name=display_name,
                state="pending",
                created_for=tenant.tenant_id,
            )
            rows = await connection.execute(
                "INSERT INTO catalog.memberships AS known"
                " (tenant_id, user_id, role, state, operation)"
                " VALUES (%s, %s, %s, 'pending', %s)"
                " ON CONFLICT (tenant_id, user_id) DO UPDATE"
                " SET role = EXCLUDED.role, operation = EXCLUDED.operation"
                " WHERE known.state = 'pending' OR known.operation = EXCLUDED.operation"
                " RETURNING user_id",
                [tenant.tenant_id, known, role, operation],
            )
            if not rows.rowcount:
                raise UserExists(f"the user is a member of tenant {slug!r} already")
            return Onboarding(tenant.ref, known, operation)

    async def issue_verification(self, member: Onboarding, expires_at: datetime) -> IssuedToken:
        """Make a token that is valid until `expires_at`, and enqueue the mail that carries it.

        Called again, it returns the first token.

        Raises:
            MemberNotFound: the membership is not pending, or not this run's.
        """
        return await self._issue(member, "user-verification", mail_texts.verification, expires_at)

    async def enqueue_reminder(self, member: Onboarding, expires_at: datetime) -> IssuedToken:
        """The same with a second token: the first is known to nobody but the receiver of its mail.

        Raises:
            MemberNotFound: the membership is not pending, or not this run's.
        """
        return await self._issue(member, "user-reminder", mail_texts.reminder, expires_at)

    async def activate_user(self, member: Onboarding, digest: str) -> str:
        """Redeem a token, by its digest: user and membership become active.

        Enqueues the welcome mail and returns its idempotency key. Once active, it returns that
        whatever the token: the first call has used it up.

        Raises:
            InvalidToken: wrong, or expired by Postgres' clock.
            MemberNotFound: the membership has expired, or is not this run's.
        """
        key = f"user-welcome/{member.tenant.tenant_id}/{member.user_id}/{member.operation}"
        async with self._database.transaction(tenant_lock(member.tenant.slug)) as connection:
            tenant, state = await _membership(connection, member)
            if state == "active":
                return key
            _require_active(tenant)
            valid = await connection.execute(
                "SELECT FROM catalog.email_verification_tokens WHERE token_digest = %s"
                " AND tenant_id = %s AND user_id = %s AND expires_at > now()",
                [digest, tenant.tenant_id, member.user_id],
            )
            if not valid.rowcount:
                raise InvalidToken("the token is wrong or has expired")
            await members.remove_tokens(connection, tenant.tenant_id, member.user_id)
            for statement in (
                "UPDATE catalog.memberships SET state = 'active', activated_at = now()"
                " WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s",
                "UPDATE catalog.users SET state = 'active', activated_at = now()"
                " WHERE user_id = %(user_id)s AND state = 'pending'",
            ):
                await connection.execute(
                    statement, {"tenant_id": tenant.tenant_id, "user_id": member.user_id}
                )
            text = mail_texts.user_welcome(tenant.display_name)
            await self._enqueue(connection, key, tenant, member.user_id, text)
            return key

    async def expire_user(self, member: Onboarding) -> bool:
        """Remove the pending membership with its tokens, and the user if there is nothing else.

        Returns:
            True if the membership is gone; False if the user has become active, and stays.
        """
        async with self._database.transaction(tenant_lock(member.tenant.slug)) as connection:
            try:
                tenant, state = await _membership(connection, member)
            except MemberNotFound:
                return True
            if state == "active":
                return False
            await members.remove_pending(connection, tenant.tenant_id, member.user_id)
            return True

    async def _issue(
        self,
        member: Onboarding,
        kind: str,
        text: Callable[[str, str, datetime], MailText],
        expires_at: datetime,
    ) -> IssuedToken:
        key = f"{kind}/{member.tenant.tenant_id}/{member.user_id}/{member.operation}"
        async with self._database.transaction(tenant_lock(member.tenant.slug)) as connection:
            tenant, state = await _membership(connection, member)
            if state != "pending":
                raise MemberNotFound(f"the user is an active member of tenant {tenant.slug!r}")
            _require_active(tenant)
            rows = await connection.execute(
                "SELECT token_digest FROM catalog.email_verification_tokens"
                " WHERE idempotency_key = %s",
                [key],
            )
            if issued := await rows.fetchone():
                return IssuedToken(issued[0], key)
            token = secrets.token_urlsafe(32)
            digest = token_digest(token)
            await connection.execute(
                "INSERT INTO catalog.email_verification_tokens"
                " (tenant_id, user_id, token_digest, idempotency_key, expires_at)"
                " VALUES (%s, %s, %s, %s, %s)",
                [tenant.tenant_id, member.user_id, digest, key, expires_at],
            )
            mail = text(tenant.display_name, token, expires_at)
            await self._enqueue(connection, key, tenant, member.user_id, mail)
            return IssuedToken(digest, key)

    async def _enqueue(
        self, connection: Connection, key: str, tenant: TenantRow, user_id: UUID, text: MailText
    ) -> None:
        rows = await connection.execute(
            "SELECT email FROM catalog.users WHERE user_id = %s", [user_id]
        )
        [email] = await rows.fetchone() or [""]
        await mails.enqueue(
            connection,
            key,
            tenant_id=tenant.tenant_id,
            recipient=email,
            text=text,
            domain=self._mail_domain,
        )


async def _membership(connection: Connection, member: Onboarding) -> tuple[TenantRow, str]:
    """The tenant, and the state of the membership that this run holds in it."""
    rows = await connection.execute(
        "SELECT state FROM catalog.memberships"
        " WHERE tenant_id = %s AND user_id = %s AND operation = %s",
        [member.tenant.tenant_id, member.user_id, member.operation],
    )
    row = await rows.fetchone()
    if row is None:
        raise MemberNotFound(
            f"the membership in tenant {member.tenant.slug!r} has expired, or another operation "
            "has taken it over"
        )
    [tenant] = await tenant_rows.select(
        connection, sql.SQL("WHERE tenant_id = %s"), member.tenant.tenant_id
    )
    return tenant, row[0]


def _require_active(tenant: TenantRow) -> None:
    if tenant.state is not TenantState.ACTIVE:
        raise IllegalTransition(
            f"tenant {tenant.slug!r} is {tenant.state}; users are only let into an active one"
        )
