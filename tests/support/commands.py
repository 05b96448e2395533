"""fleetctl as a person or a script runs it: as a process, in a pipe or on a terminal."""

import asyncio
import fcntl
import json
import os
import pty
import re
import signal
import struct
import sys
import termios
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import fleetctl.__main__  # noqa: F401  # what the process runs, so that Pants brings it here

_KEPT: Final = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "COVERAGE_PROCESS_START")
_ESCAPES: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """That of a process with these settings, and none of this process's."""
    return {
        **{name: os.environ[name] for name in _KEPT if name in os.environ},
        "HOME": "/nonexistent",  # not the person's, which may hold a temporal.toml
        "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
        "PYTHONUTF8": "1",
        **settings,
    }


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The JSON document that is all of stdout."""
        return json.loads(self.out)


class RunningCommand:
    """A command that runs, with its stdout and stderr in pipes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._seen = ""

    async def until_said(self, text: str, *, within: float = 20) -> None:
        """Waits for a line on stderr that has `text` in it. Raises TimeoutError."""
        assert self._process.stderr is not None
        async with asyncio.timeout(within):
            while True:
                line = (await self._process.stderr.readline()).decode()
                self._seen += line
                if text in line:
                    return
                assert line, f"it ended without saying {text!r}: {self._seen}"

    def interrupt(self) -> None:
        """Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    async def finish(self, *, within: float = 30) -> Finished:
        """Waits for its end. Raises TimeoutError."""
        async with asyncio.timeout(within):
            out, err = await self._process.communicate()
        assert self._process.returncode is not None
        return Finished(self._process.returncode, out.decode(), self._seen + err.decode())


@asynccontextmanager
async def running_fleetctl(
    *arguments: str, settings: Mapping[str, str]
) -> AsyncIterator[RunningCommand]:
    """fleetctl with its output in pipes; killed at the end of the block, if it still runs then."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fleetctl", *arguments),
        env=environment(settings),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield RunningCommand(process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def fleetctl_in_pipe(
    *arguments: str, settings: Mapping[str, str], within: float = 30
) -> Finished:
    """Runs fleetctl to its end. Raises TimeoutError after `within` seconds."""
    async with running_fleetctl(*arguments, settings=settings) as command:
        return await command.finish(within=within)


async def fleetctl_on_terminal(
    *arguments: str, settings: Mapping[str, str], within: float = 30
) -> tuple[int, str, str]:
    """Runs fleetctl on a terminal of 100 columns; its exit code and what the terminal got.

    The text comes twice: as it was sent, and without escape sequences.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fleetctl", *arguments),
        env=environment({"TERM": "xterm-256color", **settings}),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    received = bytearray()
    ended = asyncio.Event()

    def read() -> None:
        try:
            data = os.read(ours, 65536)
        except OSError:  # Linux says EIO when the other side is closed
            data = b""
        received.extend(data)
        if not data:
            loop.remove_reader(ours)
            ended.set()

    loop = asyncio.get_running_loop()
    loop.add_reader(ours, read)
    try:
        async with asyncio.timeout(within):
            await ended.wait()
            code = await process.wait()
    finally:
        loop.remove_reader(ours)
        os.close(ours)
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    sent = received.decode()
    return code, sent, _ESCAPES.sub("", sent).replace("\r", "")
