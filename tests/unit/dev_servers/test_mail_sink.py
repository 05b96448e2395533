"""The mail sink speaks real SMTP, keeps everything and can refuse."""

import asyncio
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest
import structlog

from dev_servers.errors import PortInUse
from dev_servers.mail_sink import MailSink, mail_sink


@pytest.fixture
async def sink(tmp_path: Path) -> AsyncIterator[MailSink]:
    async with mail_sink(tmp_path) as sink:
        yield sink


def a_mail(*, to: str = "ada@acme.test", subject: str = "Welcome") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "fleet@saas.test", to, subject
    mail["Message-ID"] = "<one@saas.test>"
    mail.set_content("Grüße\n.a line that begins with a dot\n")
    return mail


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def send(sink: MailSink, mail: EmailMessage) -> None:
    await aiosmtplib.send(mail, hostname=sink.host, port=sink.port, timeout=10)


async def test_a_mail_is_kept_as_it_was_sent(sink: MailSink) -> None:
    await send(sink, a_mail())

    [mail] = sink.mails
    assert mail["Subject"] == "Welcome"
    assert mail.get_content() == "Grüße\n.a line that begins with a dot\n"


async def test_a_mail_is_kept_as_a_file_named_after_its_recipient(
    sink: MailSink, tmp_path: Path
) -> None:
    await send(sink, a_mail(to="ada+x@acme.test"))

    [file] = files(tmp_path)
    assert file.name.endswith("-ada+x@acme.test.eml")
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert mail["Subject"] == "Welcome"


async def test_a_recipient_cannot_choose_where_its_file_goes(
    sink: MailSink, tmp_path: Path
) -> None:
    async with aiosmtplib.SMTP(hostname=sink.host, port=sink.port, timeout=10) as client:
        await client.sendmail("a@b.test", ["../../x@acme.test"], a_mail().as_bytes())

    assert [file.name.partition("-")[2] for file in files(tmp_path)] == [".._.._x@acme.test.eml"]


async def test_a_mail_sent_twice_with_one_message_id_is_kept_twice(
    sink: MailSink, tmp_path: Path
) -> None:
    await send(sink, a_mail())
    await send(sink, a_mail())

    assert [mail["Message-ID"] for mail in sink.mails] == ["<one@saas.test>"] * 2
    assert len(files(tmp_path)) == 2


async def test_a_hidden_recipient_is_seen_in_the_envelope(sink: MailSink) -> None:
    async with aiosmtplib.SMTP(hostname=sink.host, port=sink.port, timeout=10) as client:
        await client.sendmail("a@b.test", ["bob@acme.test", "bcc@acme.test"], a_mail().as_bytes())

    mail = await sink.wait_for(to="bcc@acme.test")
    assert (mail["X-MailFrom"], mail["X-RcptTo"]) == ("a@b.test", "bob@acme.test, bcc@acme.test")


async def test_waiting_ends_when_the_mail_arrives(sink: MailSink) -> None:
    waiting = asyncio.create_task(sink.wait_for(to="ada@acme.test", subject_contains="Remind"))

    await send(sink, a_mail(subject="Welcome"))
    await send(sink, a_mail(subject="Reminder", to="bob@acme.test"))
    assert not waiting.done()
    await send(sink, a_mail(subject="Reminder"))

    mail = await waiting
    assert (mail["Subject"], mail["To"]) == ("Reminder", "ada@acme.test")


async def test_waiting_for_a_second_mail_is_not_content_with_the_first(sink: MailSink) -> None:
    await send(sink, a_mail(subject="first"))
    waiting = asyncio.create_task(sink.wait_for(to="ada@acme.test", count=2))
    await send(sink, a_mail(subject="second"))

    assert (await waiting)["Subject"] == "second"


async def test_waiting_in_vain_tells_what_came_instead(sink: MailSink) -> None:
    await send(sink, a_mail(to="bob@acme.test"))

    with pytest.raises(TimeoutError, match=r"came: 'Welcome' to bob@acme\.test"):
        await sink.wait_for(to="ada@acme.test", timeout=0.01)


@pytest.mark.parametrize("code", [451, 550])
async def test_a_refusal_reaches_the_client_as_many_times_as_asked(
    sink: MailSink, code: int
) -> None:
    sink.refuse_with(code, "not now", times=2)

    for _ in range(2):
        with pytest.raises(aiosmtplib.SMTPDataError) as error:
            await send(sink, a_mail())
        assert (error.value.code, error.value.message) == (code, "not now")
    assert sink.mails == []

    await send(sink, a_mail())
    assert len(sink.mails) == 1


async def test_a_refusal_needs_a_code_that_smtp_knows_as_one(sink: MailSink) -> None:
    with pytest.raises(ValueError, match="from 400 to 599, not 250"):
        sink.refuse_with(250, "fine")


async def test_an_arrived_mail_gives_a_log_line_with_recipient_subject_and_file(
    sink: MailSink, tmp_path: Path
) -> None:
    with structlog.testing.capture_logs() as lines:
        await send(sink, a_mail())

    [file] = files(tmp_path)
    assert {
        "event": "mail arrived",
        "log_level": "info",
        "to": "ada@acme.test",
        "subject": "Welcome",
        "file": str(file),
    } in lines


async def test_a_listener_of_ones_own_replaces_the_log_line(tmp_path: Path) -> None:
    heard: list[tuple[str, Path]] = []

    async with mail_sink(
        tmp_path, on_mail=lambda mail, file: heard.append((mail["Subject"], file))
    ) as sink:
        await send(sink, a_mail())

    [file] = files(tmp_path)
    assert heard == [("Welcome", file)]


async def test_a_stopped_sink_cuts_its_clients_and_listens_again_on_the_same_port(
    sink: MailSink,
) -> None:
    client = aiosmtplib.SMTP(hostname=sink.host, port=sink.port, timeout=10)
    await client.connect()

    await sink.stop()
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await client.noop()
    with pytest.raises(aiosmtplib.SMTPConnectError):
        await send(sink, a_mail())

    await sink.start()
    await send(sink, a_mail())
    assert len(sink.mails) == 1


async def test_a_port_in_use_is_refused(sink: MailSink, tmp_path: Path) -> None:
    with pytest.raises(PortInUse, match="mail sink wants it"):
        async with mail_sink(tmp_path, port=sink.port):
            pass
