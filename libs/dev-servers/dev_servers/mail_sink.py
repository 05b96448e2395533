"""An SMTP server on 127.0.0.1 that delivers nothing: it keeps each mail as a file and says so."""

import asyncio
import logging
import re
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from weakref import WeakSet

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from dev_servers.ports import HOST, free_port, require_free

logger = structlog.get_logger(__name__)

Listener = Callable[[EmailMessage, Path], None]


def log_mail(mail: EmailMessage, file: Path) -> None:
    """One log line for a mail that arrived: its recipient, subject and file."""
    logger.info("mail arrived", to=mail["X-RcptTo"], subject=mail["Subject"], file=str(file))


class MailSink:
    """Speaks SMTP on the running event loop; no thread, no encryption, no login.

    Each mail gets the headers X-MailFrom and X-RcptTo with the addresses of its envelope, as
    aiosmtpd's own handlers do. Every mail is kept, also a second one with the same Message-ID.
    """

    def __init__(self, folder: Path, *, port: int, on_mail: Listener = log_mail) -> None:
        """`folder`: where the .eml files go. `on_mail`: called after each mail was written."""
        self.folder = folder
        self.port = port
        self.mails: list[EmailMessage] = []
        self._on_mail = on_mail
        self._arrived = asyncio.Condition()
        self._refusals: deque[str] = deque()
        self._server: asyncio.Server | None = None
        self._connections: WeakSet[SMTP] = WeakSet()

    @property
    def host(self) -> str:
        return HOST

    async def start(self) -> None:
        """Listen. Raises PortInUse."""
        require_free(self.port, "mail sink")
        self.folder.mkdir(parents=True, exist_ok=True)
        logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd's: a line per command
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, HOST, self.port)

    async def stop(self) -> None:
        """Stop listening and cut the connections; the mails stay. No-op when not started."""
        if self._server is None:
            return
        self._server.close()
        for connection in self._connections:
            if isinstance(connection.transport, asyncio.WriteTransport):
                connection.transport.abort()
        await self._server.wait_closed()
        self._server = None

    def refuse_with(self, code: int, text: str, *, times: int = 1) -> None:
        """Answer the next `times` mails with this instead of keeping them.

        `code`: 400-499 for "try again later", 500-599 for "never", as RFC 5321 has it.
        """
        if not 400 <= code <= 599:
            raise ValueError(f"an SMTP refusal has a code from 400 to 599, not {code}")
        self._refusals.extend([f"{code} {text}"] * times)

    async def wait_for(
        self,
        *,
        to: str | None = None,
        subject_contains: str = "",
        count: int = 1,
        timeout: float = 10,  # noqa: ASYNC109  the error has to say what did come
    ) -> EmailMessage:
        """The `count`-th mail to this recipient with this in its subject, arrived or to come.

        `to` is one of the envelope's recipients. Raises TimeoutError after `timeout` seconds.
        """

        def matching() -> list[EmailMessage]:
            return [
                mail
                for mail in self.mails
                if (to is None or to in str(mail["X-RcptTo"]).split(", "))
                and subject_contains in str(mail["Subject"])
            ]

        try:
            async with asyncio.timeout(timeout), self._arrived:
                await self._arrived.wait_for(lambda: len(matching()) >= count)
        except TimeoutError:
            came = [f"{mail['Subject']!r} to {mail['X-RcptTo']}" for mail in self.mails]
            raise TimeoutError(
                f"mail {count} to {to or 'anybody'} with {subject_contains!r} in its subject did "
                f"not come within {timeout:g} s; came: {', '.join(came) or 'none'}"
            ) from None
        return matching()[count - 1]

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Called by aiosmtpd with a whole mail; returns the answer to the client."""
        if self._refusals:
            return self._refusals.popleft()
        assert isinstance(envelope.content, bytes)
        content = envelope.content.replace(b"\r\n", b"\n")  # SMTP's line ends, not the writer's
        mail = message_from_bytes(content, EmailMessage, policy=policy.default)
        mail["X-MailFrom"] = envelope.mail_from
        mail["X-RcptTo"] = ", ".join(envelope.rcpt_tos)
        file = self.folder / _file_name(envelope.rcpt_tos[0])
        file.write_bytes(mail.as_bytes())
        async with self._arrived:
            self.mails.append(mail)
            self._arrived.notify_all()
        self._on_mail(mail, file)
        return "250 OK"

    def _connection(self) -> SMTP:
        # A host name of our own, or each connection would wait for the resolver to find one.
        connection = SMTP(
            self, hostname="localhost", enable_SMTPUTF8=True, loop=asyncio.get_running_loop()
        )
        self._connections.add(connection)
        return connection


@asynccontextmanager
async def mail_sink(
    folder: Path, *, port: int | None = None, on_mail: Listener = log_mail
) -> AsyncIterator[MailSink]:
    """A listening sink; see MailSink. `port`: a free one by default. Raises PortInUse."""
    sink = MailSink(folder, port=port or free_port(), on_mail=on_mail)
    await sink.start()
    try:
        yield sink
    finally:
        await sink.stop()


def _file_name(recipient: str) -> str:
    """Sorts by arrival; the recipient without what a file name should not have."""
    arrival = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    return f"{arrival}-{re.sub(r'[^A-Za-z0-9@._+-]', '_', recipient)}.eml"
