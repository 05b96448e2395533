"""Short Python programs run as processes of their own, for what would end the test's."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from textwrap import dedent


@dataclass
class Program:
    """A running program that talks to its test by lines."""

    _process: "subprocess.Popen[str]"

    def says(self) -> str:
        """Its next line, "" when it has ended."""
        assert self._process.stdout
        return self._process.stdout.readline().rstrip("\n")

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def ended(self, *, within: float = 20) -> tuple[int, str]:
        """Its exit code, negative for the signal that killed it, and what it wrote to stderr."""
        _, errors = self._process.communicate(timeout=within)
        return self._process.returncode, errors


@contextmanager
def program(text: str) -> Iterator[Program]:
    """Runs the text with this process's `sys.path`; kills it at the end of the block."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", dedent(text)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
    )
    try:
        yield Program(process)
    finally:
        process.kill()
        process.communicate()
