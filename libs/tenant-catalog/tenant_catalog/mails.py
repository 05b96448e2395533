"""The outbox: a mail is written in the transaction whose news it brings, and sent afterwards."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from tenant_catalog.database import Connection, Database
from tenant_catalog.errors import MailNotFound
from tenant_catalog.mail_texts import MailText

_MAIL_IDS: Final = UUID("0f5c4f53-7c0e-4c39-9d6c-6f2f3f6b8a51")
"""Namespace of the mails' ids (RFC 9562, version 5); any fixed value, never to be changed."""


@dataclass(frozen=True)
class Mail:
    """A mail as it is handed to the mail server."""

    idempotency_key: str
    message_id: str
    """Header Message-ID with its angle brackets, the same in every attempt."""
    recipient: str
    subject: str
    body: str


@dataclass(frozen=True)
class Delivery:
    message_id: str
    sent_at: datetime


async def enqueue(
    connection: Connection,
    key: str,
    *,
    tenant_id: UUID,
    recipient: str,
    text: MailText,
    domain: str,
) -> None:
    """Write a mail in the open transaction, once per `key` (its idempotency key).

    `domain`: right-hand side of the Message-ID.
    """
    mail_id = uuid5(_MAIL_IDS, key)
    # A display name may hold a line break, which would end the header.
    subject = " ".join(text.subject.split())
    await connection.execute(
        "INSERT INTO catalog.mails"
        " (mail_id, idempotency_key, tenant_id, message_id, recipient, subject, body)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (idempotency_key) DO NOTHING",
        [mail_id, key, tenant_id, f"<{mail_id}@{domain}>", recipient, subject, text.body],
    )


class Outbox:
    """Sends what was enqueued."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def deliver(self, key: str, send: Callable[[Mail], Awaitable[object]]) -> Delivery:
        """Send the mail of that key, unless it is sent already, and blank its body.

        The row is locked while `send` runs, so two attempts cannot send at once. When the process
        dies after the mail server took the mail and before the commit, the next attempt sends the
        same text under the same Message-ID, which tells receivers that it is the same mail.

        Not under the tenant's lock: a slow mail server would hold up everything else of the tenant.
        `send` must end within `IDLE_IN_TRANSACTION_TIMEOUT`; what it raises is passed on.

        Raises:
            MailNotFound: it was removed with its tenant or user.
            DatabaseUnavailable: among others, another attempt is sending it now.
        """
        async with self._database.transaction() as connection:
            rows = await connection.execute(
                "SELECT message_id, recipient, subject, body, sent_at FROM catalog.mails"
                " WHERE idempotency_key = %s FOR UPDATE",
                [key],
            )
            row = await rows.fetchone()
            if row is None:
                raise MailNotFound(f"mail {key!r} is gone: its tenant or user was removed")
            message_id, recipient, subject, body, sent_at = row
            if sent_at is None:
                await send(Mail(key, message_id, recipient, subject, body))
                # The clock after sending; now() is that of the transaction's start.
                updated = await connection.execute(
                    "UPDATE catalog.mails SET sent_at = clock_timestamp(), body = NULL"
                    " WHERE idempotency_key = %s RETURNING sent_at",
                    [key],
                )
                [sent_at] = await updated.fetchone() or [None]
            return Delivery(message_id, sent_at)
