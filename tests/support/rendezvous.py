"""Activities that a test holds: each reports where it is, and goes on when the test says how.

Over a socket, so that it is the same for a service in this process and for one in its own.
"""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity

from dev_servers.ports import HOST


@dataclass
class Arrival:
    """An activity that waits for the test."""

    pid: int
    attempt: int
    task_queue: str
    heartbeat: list[Any]
    """The details that a former attempt left."""
    _reader: asyncio.StreamReader = field(repr=False)
    _writer: asyncio.StreamWriter = field(repr=False)

    def release(self, word: str = "done") -> None:
        """Lets it go on; `word` says how, see `tests.support.probe.activities`."""
        self._writer.write(f"{word}\n".encode())

    async def gone(self) -> None:
        """Waits until the activity has left: it ended, or its process did."""
        await self._reader.read()


class Rendezvous:
    """The place where the activities of one test report."""

    def __init__(self, address: str, arrivals: "asyncio.Queue[Arrival]") -> None:
        self.address = address
        self._arrivals = arrivals

    async def arrival(self, *, within: float = 20) -> Arrival:
        """The next activity that reports. Raises TimeoutError."""
        return await asyncio.wait_for(self._arrivals.get(), within)

    @asynccontextmanager
    async def everyone_released(self) -> AsyncIterator[None]:
        """Lets every activity go on as soon as it reports."""

        async def release() -> None:
            while True:
                (await self._arrivals.get()).release()

        task = asyncio.create_task(release())
        try:
            yield
        finally:
            task.cancel()

    @property
    def waiting(self) -> int:
        """How many have reported that `arrival` has not given out."""
        return self._arrivals.qsize()


@asynccontextmanager
async def rendezvous() -> AsyncIterator[Rendezvous]:
    arrivals: asyncio.Queue[Arrival] = asyncio.Queue()
    writers: list[asyncio.StreamWriter] = []

    async def report(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        arrivals.put_nowait(
            Arrival(**json.loads(await reader.readline()), _reader=reader, _writer=writer)
        )

    server = await asyncio.start_server(report, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield Rendezvous(f"{HOST}:{port}", arrivals)
    finally:
        server.close()
        for writer in writers:
            writer.close()


async def report_and_wait(address: str) -> str:
    """For an activity: reports, and gives the test's word; raises EOFError when the test ended."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(_report())
        word = (await reader.readuntil()).decode().strip()
    finally:
        writer.close()
    return word


def report_and_block(address: str) -> str:
    """The same, holding the thread, and with it an event loop that runs in it."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(_report())
        # In turns: a thread that is blocked in the system cannot be cancelled.
        connection.settimeout(0.05)
        word = b""
        while not word.endswith(b"\n"):
            with suppress(TimeoutError):
                received = connection.recv(1024)
                if not received:
                    raise EOFError("the test ended")
                word += received
        return word.decode().strip()


def _report() -> bytes:
    info = activity.info()
    report = {
        "pid": os.getpid(),
        "attempt": info.attempt,
        "task_queue": info.task_queue,
        "heartbeat": list(info.heartbeat_details),
    }
    return json.dumps(report).encode() + b"\n"
