"""A server as a child process that cannot be left behind."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dev_servers.errors import StartFailed

_LAUNCHER = Path(__file__).with_name("launcher.py")
_NAMES_A_FAULT = re.compile(r"\b(error|fatal|panic)\b", re.IGNORECASE)


@dataclass(frozen=True)
class RunAs:
    """The system user that a child runs as."""

    uid: int
    gid: int


class ChildProcess:
    """A started program, in a session of its own, its output appended to a log file.

    Its own session: a Ctrl-C on the terminal reaches the parent only, which can let its workers
    drain before it stops the servers they need. On Linux the kernel sends `death_signal` to the
    child when the *thread* that started it ends, so even `kill -9` of the parent leaves nothing.
    """

    def __init__(self, process: asyncio.subprocess.Process, lifeline: int, log: Path, logged: int):
        self._process = process
        self._log = log
        self._logged_before = logged
        self._gone = asyncio.Event()
        self._lifeline = lifeline
        asyncio.get_running_loop().add_reader(lifeline, self._lifeline_closed)

    @classmethod
    async def start(
        cls,
        command: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        run_as: RunAs | None = None,
        death_signal: signal.Signals = signal.SIGKILL,
    ) -> "ChildProcess":
        """Start `command`, an absolute path and its arguments, with `/` as its working folder."""
        run_as = run_as or RunAs(os.geteuid(), os.getegid())
        log.parent.mkdir(parents=True, exist_ok=True)
        # Every descendant inherits the writing end; the reading end sees its end when all are gone.
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        try:
            with log.open("ab") as output:
                logged = output.tell()
                process = await asyncio.create_subprocess_exec(
                    # -I -S: none of the environment's start-up code runs in between.
                    *(sys.executable, "-I", "-S", _LAUNCHER, str(os.getpid())),
                    *(str(int(death_signal)), str(run_as.uid), str(run_as.gid)),
                    *(str(argument) for argument in command),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=env,
                    cwd="/",
                    start_new_session=True,
                    pass_fds=(writing,),
                )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        return cls(process, reading, log, logged)

    @property
    def pid(self) -> int:
        """The program's process id (the launcher becomes the program)."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """False once the program and all its descendants have ended."""
        return not self._gone.is_set()

    async def wait(self) -> int:
        """Wait until the program and all its descendants have ended; its exit code."""
        await self._gone.wait()
        return await self._process.wait()

    async def until_ready(
        self, what: str, answers: Callable[[], Awaitable[bool]], *, within: float
    ) -> None:
        """Ask `answers` until it says yes. Raises StartFailed when the program ends or time is up.

        `what` names the server in the error, `within` is in seconds. A program that is not
        ready in time is killed.
        """
        try:
            async with asyncio.timeout(within):
                while not await answers():
                    # A program gives no event when it is ready: ask again, or hear it end.
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(0.02):
                            await self._gone.wait()
                    if not self.running:
                        code = await self._process.wait()
                        raise self.start_failed(f"{what} ended with code {code} at its start")
        except TimeoutError:
            await self.kill()
            raise self.start_failed(f"{what} did not answer within {within:g} s") from None
        except BaseException:
            await self.kill()
            raise

    async def stop(self, how: signal.Signals = signal.SIGTERM, *, within: float = 10) -> None:
        """Send `how` and wait for the end; after `within` seconds kill. No-op when it ended."""
        self._send(how)
        try:
            async with asyncio.timeout(within):
                await self.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End it as a crash would (SIGKILL) and wait until its descendants are gone too."""
        self._send(signal.SIGKILL)
        await self.wait()

    def start_failed(self, failure: str) -> StartFailed:
        """The error for a start that failed like this, with what the log says of it."""
        with self._log.open("rb") as log:
            log.seek(self._logged_before)
            lines = [
                line for line in log.read().decode(errors="replace").splitlines() if line.strip()
            ]
        telling = [line for line in lines if _NAMES_A_FAULT.search(line)] or lines
        said = f"its log says: {telling[-1].strip()}" if telling else "it logged nothing"
        return StartFailed(f"{failure}; {said} (whole log: {self._log})", self._log)

    def _send(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def _lifeline_closed(self) -> None:
        asyncio.get_running_loop().remove_reader(self._lifeline)
        os.close(self._lifeline)
        self._gone.set()
