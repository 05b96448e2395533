"""The activity that sends a mail from the outbox."""

from temporalio import activity

from tenant_catalog.mails import Outbox
from worker_tenant.mailer import Mailer


class MailActivities:
    def __init__(self, outbox: Outbox, mailer: Mailer) -> None:
        self._outbox = outbox
        self._mailer = mailer

    @activity.defn
    async def send_mail(self, key: str) -> None:
        """Sends the mail once; a mail that was sent is not sent again."""
        await self._outbox.deliver(key, self._mailer.send)
