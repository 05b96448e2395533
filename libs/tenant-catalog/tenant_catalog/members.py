"""Users and memberships, as statements inside another operation's transaction."""

from uuid import UUID

from psycopg import sql

from tenant_catalog.contracts.users import Role
from tenant_catalog.database import Connection


async def put_user(
    connection: Connection,
    *,
    user_id: UUID,
    email: str,
    display_name: str,
    state: str,
    created_for: UUID,
) -> UUID:
    """The user of an e-mail address (in lower case), made with `user_id` if there is none yet.

    The row stays locked until the commit: another tenant's removal cannot take the user away
    between this and the membership.
    """
    rows = await connection.execute(
        "INSERT INTO catalog.users AS known"
        " (user_id, email, display_name, state, created_for, activated_at)"
        " VALUES (%s, %s, %s, %s, %s, CASE %s WHEN 'active' THEN now() END)"
        " ON CONFLICT (email) DO UPDATE SET email = known.email RETURNING user_id",
        [user_id, email, display_name, state, created_for, state],
    )
    [known] = await rows.fetchone() or [user_id]
    return UUID(str(known))


async def put_admin(connection: Connection, tenant_id: UUID, user_id: UUID, operation: str) -> None:
    """Make the user an active administrator, unless a membership is there."""
    await connection.execute(
        "INSERT INTO catalog.memberships"
        " (tenant_id, user_id, role, state, operation, activated_at)"
        " VALUES (%s, %s, %s, 'active', %s, now()) ON CONFLICT DO NOTHING",
        [tenant_id, user_id, Role.ADMIN, operation],
    )


async def admin_emails(connection: Connection, tenant_id: UUID) -> list[str]:
    """E-mail addresses of the active administrators, the first one first."""
    rows = await connection.execute(
        "SELECT email FROM catalog.memberships m JOIN catalog.users USING (user_id)"
        " WHERE tenant_id = %s AND role = 'admin' AND m.state = 'active'"
        " ORDER BY m.created_at, email",
        [tenant_id],
    )
    return [email for (email,) in await rows.fetchall()]


async def take_back_provisioning(connection: Connection, tenant_id: UUID) -> None:
    """Remove the memberships, mails and users that a tenant's provisioning made.

    All memberships are its own: a tenant that was never active has no others.
    """
    await connection.execute("DELETE FROM catalog.memberships WHERE tenant_id = %s", [tenant_id])
    await connection.execute(
        "DELETE FROM catalog.mails WHERE tenant_id = %s AND sent_at IS NULL", [tenant_id]
    )
    await _remove_homeless(connection, sql.SQL("created_for = {}").format(tenant_id))


async def remove_everyone(connection: Connection, tenant_id: UUID) -> None:
    """Remove a tenant's memberships, tokens, invites and mails, and users left without a tenant."""
    for table in ("refresh_tokens", "email_verification_tokens", "invites", "mails"):
        await connection.execute(
            sql.SQL("DELETE FROM {} WHERE tenant_id = %s").format(sql.Identifier("catalog", table)),
            [tenant_id],
        )
    rows = await connection.execute(
        "DELETE FROM catalog.memberships WHERE tenant_id = %s RETURNING user_id", [tenant_id]
    )
    members = [user_id for (user_id,) in await rows.fetchall()]
    await _remove_homeless(connection, sql.SQL("user_id = ANY({})").format(members))


async def remove_pending(connection: Connection, tenant_id: UUID, user_id: UUID) -> None:
    """Remove a pending membership, its tokens and unsent mails, and the user if that was all."""
    await remove_tokens(connection, tenant_id, user_id)
    await connection.execute(
        "DELETE FROM catalog.mails m USING catalog.users u WHERE m.tenant_id = %s"
        " AND u.user_id = %s AND m.recipient = u.email AND m.sent_at IS NULL",
        [tenant_id, user_id],
    )
    await connection.execute(
        "DELETE FROM catalog.memberships WHERE tenant_id = %s AND user_id = %s",
        [tenant_id, user_id],
    )
    await _remove_homeless(
        connection, sql.SQL("user_id = {} AND state = 'pending'").format(user_id)
    )


async def remove_tokens(connection: Connection, tenant_id: UUID, user_id: UUID) -> None:
    """Remove the verification tokens that a user has in a tenant."""
    await connection.execute(
        "DELETE FROM catalog.email_verification_tokens WHERE tenant_id = %s AND user_id = %s",
        [tenant_id, user_id],
    )


async def _remove_homeless(connection: Connection, condition: sql.Composable) -> None:
    """Delete the users that meet the condition and belong to no tenant."""
    # Locked first, in one order, and looked at by a second statement: a membership that another
    # transaction is adding is waited for and then seen. One statement would judge by its snapshot.
    rows = await connection.execute(
        sql.SQL("SELECT user_id FROM catalog.users WHERE {} ORDER BY user_id FOR UPDATE").format(
            condition
        )
    )
    candidates = [user_id for (user_id,) in await rows.fetchall()]
    await connection.execute(
        "DELETE FROM catalog.users u WHERE user_id = ANY(%s) AND NOT EXISTS"
        " (SELECT FROM catalog.memberships m WHERE m.user_id = u.user_id)",
        [candidates],
    )
