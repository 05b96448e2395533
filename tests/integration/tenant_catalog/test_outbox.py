import asyncio
from uuid import uuid4

import pytest

from tenant_catalog.database import Database
from tenant_catalog.errors import DatabaseUnavailable, MailNotFound
from tenant_catalog.mail_texts import MailText
from tenant_catalog.mails import Mail, Outbox, enqueue
from tenant_catalog.tenants import TenantCatalog
from tests.support.postgres import opened
from tests.support.tenants import CrashAfterCommit, active, reserved

HELLO = MailText("Hello", "Hello, Ada.")


class Sent:
    """A mail server that keeps what it is given."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []

    async def __call__(self, mail: Mail) -> None:
        self.mails.append(mail)


async def test_a_mail_is_sent_with_its_text_and_a_message_id_of_its_own(
    catalog: TenantCatalog, database: Database, outbox: Outbox
) -> None:
    await _enqueue(catalog, database, "hello/1")
    sent = Sent()
    delivery = await outbox.deliver("hello/1", sent)
    [mail] = sent.mails
    assert (mail.idempotency_key, mail.recipient) == ("hello/1", "ada@acme.test")
    assert (mail.subject, mail.body) == ("Hello", "Hello, Ada.")
    assert mail.message_id == delivery.message_id
    assert mail.message_id.endswith("@fleet.test>")


async def test_a_mail_that_was_sent_is_not_sent_again_and_reports_the_same(
    catalog: TenantCatalog, database: Database, outbox: Outbox
) -> None:
    await _enqueue(catalog, database, "hello/1")
    sent = Sent()
    first = await outbox.deliver("hello/1", sent)
    assert await outbox.deliver("hello/1", sent) == first
    assert len(sent.mails) == 1


async def test_after_a_crash_that_followed_the_commit_it_is_not_sent_again(
    catalog: TenantCatalog, database: Database, outbox: Outbox
) -> None:
    await _enqueue(catalog, database, "hello/1")
    sent = Sent()
    with pytest.raises(DatabaseUnavailable):
        await Outbox(CrashAfterCommit(database)).deliver("hello/1", sent)
    await outbox.deliver("hello/1", sent)
    assert len(sent.mails) == 1


async def test_after_a_crash_between_sending_and_commit_the_same_mail_is_sent_again(
    catalog: TenantCatalog, database: Database, outbox: Outbox
) -> None:
    await _enqueue(catalog, database, "hello/1")
    sent = Sent()

    async def send_and_die(mail: Mail) -> None:
        await sent(mail)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await outbox.deliver("hello/1", send_and_die)
    await outbox.deliver("hello/1", sent)
    first, second = sent.mails
    assert first == second


async def test_the_body_is_gone_once_the_mail_is_sent(
    catalog: TenantCatalog, database: Database, outbox: Outbox
) -> None:
    await _enqueue(catalog, database, "hello/1")
    await outbox.deliver("hello/1", Sent())
    async with database.transaction() as connection:
        rows = await connection.execute("SELECT body, sent_at IS NOT NULL FROM catalog.mails")
        assert await rows.fetchall() == [(None, True)]


async def test_a_mail_that_is_enqueued_twice_is_one_mail_with_its_first_text(
    catalog: TenantCatalog, database: Database, outbox: Outbox
) -> None:
    await _enqueue(catalog, database, "hello/1")
    await _enqueue(catalog, database, "hello/1", MailText("Other", "Other"), slug="globex")
    sent = Sent()
    await outbox.deliver("hello/1", sent)
    assert [mail.body for mail in sent.mails] == ["Hello, Ada."]


async def test_the_message_id_follows_from_the_key_alone(
    catalog: TenantCatalog, database: Database, outbox: Outbox
) -> None:
    await _enqueue(catalog, database, "hello/1")
    async with database.transaction() as connection:
        rows = await connection.execute("DELETE FROM catalog.mails RETURNING message_id")
        [message_id] = await rows.fetchone() or [""]
    await _enqueue(catalog, database, "hello/1", slug="globex")
    assert (await outbox.deliver("hello/1", Sent())).message_id == message_id


async def test_a_line_break_in_a_subject_does_not_end_the_header(
    catalog: TenantCatalog, database: Database, outbox: Outbox
) -> None:
    await _enqueue(catalog, database, "hello/1", MailText("Hello\r\nBcc: eve@x.test", "Hello"))
    sent = Sent()
    await outbox.deliver("hello/1", sent)
    assert sent.mails[0].subject == "Hello Bcc: eve@x.test"


async def test_two_attempts_at_once_send_one_mail(
    catalog: TenantCatalog, database: Database, database_url: str
) -> None:
    await _enqueue(catalog, database, "hello/1")
    sent, sending, may_end = Sent(), asyncio.Event(), asyncio.Event()

    async def send_slowly(mail: Mail) -> None:
        sending.set()
        await may_end.wait()
        await sent(mail)

    async with opened(database_url, lock_timeout=0.1) as impatient:
        slow = asyncio.create_task(Outbox(impatient).deliver("hello/1", send_slowly))
        await sending.wait()
        with pytest.raises(DatabaseUnavailable, match="55P03"):
            await Outbox(impatient).deliver("hello/1", sent)
        may_end.set()
        await slow
    assert len(sent.mails) == 1


async def test_a_slow_mail_server_does_not_hold_up_its_tenant(
    catalog: TenantCatalog, outbox: Outbox
) -> None:
    ref = await active(catalog)

    async def work_on_the_tenant(_mail: Mail) -> None:
        assert await catalog.pending_migrations(ref) == []

    await outbox.deliver(await catalog.activate(ref), work_on_the_tenant)


async def test_a_mail_that_is_gone_is_refused_by_its_key(outbox: Outbox) -> None:
    with pytest.raises(MailNotFound, match="hello/2"):
        await outbox.deliver("hello/2", Sent())


async def _enqueue(
    catalog: TenantCatalog,
    database: Database,
    key: str,
    text: MailText = HELLO,
    *,
    slug: str = "acme",
) -> None:
    ref = await reserved(catalog, slug, tenant_id=uuid4())
    async with database.transaction() as connection:
        await enqueue(
            connection,
            key,
            tenant_id=ref.tenant_id,
            recipient="ada@acme.test",
            text=text,
            domain="fleet.test",
        )
