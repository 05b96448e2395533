"""What a benchmark is, and what it runs in."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.frame.figures import Figure
from dev_servers.scratch import scratch_folder
from dev_servers.temporal_server import TemporalServer, temporal_server
from temporal_common.errors import FleetError
from temporal_common.testing import ServiceProcess

_NO_LIMIT: Final = 1e6  # seconds; the frame's own limit is shorter


class BenchmarkFailed(FleetError):
    """A benchmark could not measure; the message says in one line what was in its way."""


@dataclass(frozen=True)
class Measured:
    """What a benchmark found."""

    figures: Sequence[Figure]
    """The first is the one that the benchmark is about."""
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Benchmark:
    """One benchmark: a literal at the end of its module."""

    name: str
    claim: str
    """One sentence: what the figure shows."""
    how: str
    """How it is measured, in Markdown: the module's docstring."""
    measure: "Callable[[Run], Awaitable[Measured]]"
    rounds: int
    """By default; all benchmarks together fit into 25 minutes on 2 cores."""
    why_not: Callable[[], str | None] = lambda: None
    """Why it cannot be run on this machine; `all` then leaves it out."""


@dataclass
class Run:
    """One run of a benchmark: its rounds, its servers, its worker processes.

    Whatever is started here and ends before it should ends the run with `BenchmarkFailed`; without
    that a client would wait for a dead server for ever.
    """

    rounds: int
    say: Callable[[str], None] = lambda _text: None
    """Hears what is done now, for people."""
    _died: "asyncio.Future[None]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def each_round(self, *sides: str) -> Sequence[tuple[int, Sequence[str]]]:
        """The rounds, from 1, each with the order of its sides.

        Every second one is reversed, so that a drift of the machine or of the server's memory does
        not favour a side.
        """
        return [
            (number, sides if number % 2 else tuple(reversed(sides)))
            for number in range(1, self.rounds + 1)
        ]

    def step(self, number: int, what: str) -> None:
        self.say(f"round {number} of {self.rounds}: {what}")

    @asynccontextmanager
    async def server(self, **options: Any) -> AsyncIterator[TemporalServer]:
        """A fresh dev server; options as of `dev_servers.temporal_server`."""
        async with temporal_server(**options) as server, self._watched("Temporal", server.wait):
            yield server

    @asynccontextmanager
    async def process(
        self, module: str, settings: Mapping[str, str], *, ready: bool = True
    ) -> AsyncIterator[ServiceProcess]:
        """A worker as a process of its own, `python -m {module}`; killed at the end."""
        with scratch_folder("bench-") as folder:
            log = folder / "worker.log"
            process = await ServiceProcess.start(module, settings, log=log)
            what = f"{module} ({', '.join(settings.values())})"
            try:
                async with self._watched(
                    what, lambda: process.wait(within=_NO_LIMIT), process.output
                ):
                    if ready:
                        await process.until_ready()
                    yield process
            finally:
                await process.kill()

    @asynccontextmanager
    async def processes(
        self, module: str, *settings: Mapping[str, str]
    ) -> AsyncIterator[Sequence[ServiceProcess]]:
        """One worker process for each of the settings, started side by side, all ready."""
        async with AsyncExitStack() as stack:
            started = [
                await stack.enter_async_context(self.process(module, own, ready=False))
                for own in settings
            ]
            for process in started:
                await process.until_ready()
            yield started

    async def bounded(self, work: Awaitable[Measured], *, seconds: float) -> Measured:
        """The result of `work`, unless something dies or the time is up.

        Raises:
            BenchmarkFailed: says which.
        """
        working = asyncio.ensure_future(work)
        either: set[asyncio.Future[Any]] = {working, self._died}
        done, _ = await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        try:
            if self._died in done:
                self._died.result()
            if working not in done:
                raise BenchmarkFailed(f"gave no result within {seconds:g} s")
            return working.result()
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            if not self._died.done():
                self._died.cancel()

    @asynccontextmanager
    async def _watched(
        self,
        what: str,
        ended: Callable[[], Awaitable[int]],
        output: Callable[[], str] = lambda: "",
    ) -> AsyncIterator[None]:
        async def watch() -> None:
            code = await ended()
            if not self._died.done():
                self._died.set_exception(
                    BenchmarkFailed(f"{what} ended with {code}{_last_line(output())}")
                )

        watching = asyncio.create_task(watch())
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


def _last_line(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    return f"; its last line: {lines[-1][:300]}" if lines else ""
