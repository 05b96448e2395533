"""Sending one mail by SMTP. aiosmtplib, because it is asyncio-native and maintained."""

import asyncio
from email.message import EmailMessage

import aiosmtplib

from temporal_common.errors import Refused, Unavailable
from tenant_catalog.mails import Mail
from worker_tenant.settings import MailSettings


class MailRefused(Refused):
    """The SMTP server refuses the mail for good (5xx), or our credentials."""


class MailUnavailable(Unavailable):
    """The SMTP server is away, or asks to try later (4xx)."""


class Mailer:
    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings

    async def send(self, mail: Mail) -> None:
        """Hands the mail to the server; returns when it has accepted it.

        The Message-ID comes with the mail and stays the same over retries, so that whoever gets two
        copies (we died between its acceptance and our commit) can tell that they are one mail.

        Raises:
            MailRefused: no retry will help.
            MailUnavailable: try again.
        """
        settings = self._settings
        try:
            # aiosmtplib's own limit is for each of its half dozen commands; ours is for the mail,
            # since a transaction is open meanwhile.
            async with asyncio.timeout(settings.timeout):
                await aiosmtplib.send(
                    _compose(mail, settings.sender),
                    hostname=settings.host,
                    port=settings.port,
                    use_tls=settings.security == "tls",
                    start_tls=settings.security == "starttls",
                    username=settings.username,
                    password=settings.password.get_secret_value() if settings.password else None,
                    timeout=settings.timeout,
                )
        except TimeoutError:
            raise MailUnavailable(
                f"SMTP server {settings.host}:{settings.port} has not taken the mail within "
                f"{settings.timeout:g} s (SMTP_TIMEOUT)"
            ) from None
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise self._failure(error.recipients[0].code, error.recipients[0].message) from None
        except aiosmtplib.SMTPResponseException as error:
            raise self._failure(error.code, error.message) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailUnavailable(
                f"SMTP server {settings.host}:{settings.port} cannot be reached: {error} "
                "(SMTP_HOST)"
            ) from None

    def _failure(self, code: int, message: str) -> MailRefused | MailUnavailable:
        kind = MailRefused if 500 <= code < 600 else MailUnavailable
        server = f"{self._settings.host}:{self._settings.port}"
        return kind(f"SMTP server {server} answered {code}: {message}")


def _compose(mail: Mail, sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = sender
    message["To"] = mail.recipient
    message["Subject"] = mail.subject
    message["Message-ID"] = mail.message_id
    # The Message-ID's local part, a digest of the outbox's key: the key itself is too long for a
    # header line. Relays that know duplicates by a header of their own can be given this one.
    message["X-Idempotency-Key"] = mail.message_id[1:].partition("@")[0]
    message.set_content(mail.body)
    return message
