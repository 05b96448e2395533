"""The texts of the mails, plain. A token stands on the one line that starts with `Token:`."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class MailText:
    subject: str
    body: str


def tenant_welcome(tenant: str, slug: str) -> MailText:
    return MailText(
        f"{tenant} is ready",
        f"Hello,\n\nyour workspace {tenant} ({slug}) is ready, and you are its administrator.\n",
    )


def verification(tenant: str, token: str, expires_at: datetime) -> MailText:
    return MailText(
        f"Confirm your e-mail address for {tenant}",
        f"Hello,\n\nyou have been added to {tenant}. Confirm your e-mail address with this token:\n"
        f"\nToken: {token}\n\nIt is valid until {_time(expires_at)}.\n",
    )


def reminder(tenant: str, token: str, expires_at: datetime) -> MailText:
    return MailText(
        f"Reminder: confirm your e-mail address for {tenant}",
        f"Hello,\n\nyour place in {tenant} is still waiting. Confirm your e-mail address with this"
        f" token:\n\nToken: {token}\n\nIt is valid until {_time(expires_at)}; then the invitation"
        " lapses.\n",
    )


def user_welcome(tenant: str) -> MailText:
    return MailText(
        f"Welcome to {tenant}",
        f"Hello,\n\nyour e-mail address is confirmed, and you are now a member of {tenant}.\n",
    )


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} {moment.tzname() or ''}".rstrip()
