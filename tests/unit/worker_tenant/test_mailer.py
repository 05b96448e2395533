"""The mailer against a real SMTP server."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dev_servers.mail_sink import MailSink, mail_sink
from dev_servers.ports import HOST, free_port
from tenant_catalog.mails import Mail
from worker_tenant.mailer import Mailer, MailRefused, MailUnavailable
from worker_tenant.settings import MailSettings

MAIL = Mail(
    idempotency_key="tenant-welcome/1",
    message_id="<1@fleet.test>",
    recipient="jo@acme.test",
    subject="Grüße aus Acme",
    body="Hallo Jo,\n\nschön, dass du da bist.\n",
)


@pytest.fixture
async def sink(tmp_path: Path) -> AsyncIterator[MailSink]:
    async with mail_sink(tmp_path) as listening:
        yield listening


def mailer(port: int, *, limit: float = 10) -> Mailer:
    return Mailer(
        MailSettings(host=HOST, port=port, sender="Fleet <no-reply@fleet.test>", timeout=limit)
    )


async def test_a_mail_arrives_as_it_is(sink: MailSink) -> None:
    await mailer(sink.port).send(MAIL)
    [mail] = sink.mails
    assert mail["X-RcptTo"] == MAIL.recipient
    assert mail["X-MailFrom"] == "no-reply@fleet.test"
    assert mail["From"] == "Fleet <no-reply@fleet.test>"
    assert mail["Subject"] == MAIL.subject
    assert mail.get_content() == MAIL.body


async def test_a_mail_says_which_one_it_is(sink: MailSink) -> None:
    await mailer(sink.port).send(MAIL)
    await mailer(sink.port).send(MAIL)
    assert [mail["Message-ID"] for mail in sink.mails] == [MAIL.message_id] * 2
    assert [mail["X-Idempotency-Key"] for mail in sink.mails] == ["1"] * 2


@pytest.mark.parametrize("code", [550, 552, 554])
async def test_a_refusal_for_good_is_not_worth_another_attempt(sink: MailSink, code: int) -> None:
    sink.refuse_with(code, "never")
    with pytest.raises(MailRefused, match=f":{sink.port} answered {code}: never"):
        await mailer(sink.port).send(MAIL)


@pytest.mark.parametrize("code", [421, 450, 451, 452])
async def test_a_refusal_for_now_is_worth_another_attempt(sink: MailSink, code: int) -> None:
    sink.refuse_with(code, "later")
    with pytest.raises(MailUnavailable, match=f":{sink.port} answered {code}: later"):
        await mailer(sink.port).send(MAIL)


async def test_a_server_that_is_away_is_worth_another_attempt() -> None:
    port = free_port()
    with pytest.raises(MailUnavailable, match=rf"{HOST}:{port} cannot be reached: .*SMTP_HOST"):
        await mailer(port).send(MAIL)


async def test_a_server_that_never_answers_is_given_up_after_the_time_for_one_mail() -> None:
    hung_up = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        hung_up.set()

    server = await asyncio.start_server(say_nothing, HOST, free_port())
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(MailUnavailable, match=r"within 0\.2 s \(SMTP_TIMEOUT\)"):
            await mailer(port, limit=0.2).send(MAIL)
        await hung_up.wait()


async def test_a_server_that_answers_slowly_is_given_up_after_the_time_for_one_mail() -> None:
    """Each answer is in time, all of them together are not."""

    async def dawdle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        while await reader.readline():
            await asyncio.sleep(0.15)
            writer.write(b"250 well\r\n")
        writer.close()

    server = await asyncio.start_server(dawdle, HOST, free_port())
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(MailUnavailable, match=r"within 0\.2 s \(SMTP_TIMEOUT\)"):
            await mailer(port, limit=0.2).send(MAIL)
