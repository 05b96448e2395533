"""An image as a process, without a container engine: for tests and measurements on Linux.

Built images are unpacked to a folder and started there as a cluster would start them: as the
image's user, on a read-only root, as process 1 of a process namespace of their own. The network is
the machine's, so that servers on loopback are reached. Needs Linux, root, and `unshare`.
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dev_servers.errors import ImageMissing
from dev_servers.processes import ChildProcess

_AGAIN: Final = 0.02  # seconds between two looks at a log, which gives no event when it grows

# $1 the root folder, $2 the user, $3 the group, then the command. /proc and /dev are what every
# engine gives. `setpriv` is the image's own (util-linux): the signal that ends the process with its
# parent must be set after the change of user, which clears it.
_ENTER: Final = """
set -e
root=$1 user=$2 group=$3; shift 3
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
exec chroot "$root" setpriv --reuid "$user" --regid "$group" --clear-groups \\
    --bounding-set -all --inh-caps -all --no-new-privs --pdeathsig KILL "$@"
"""


def why_images_cannot_run() -> str | None:
    """What this machine lacks to run an image here; None when it lacks nothing."""
    if shutil.which("unshare") is None:
        return "no `unshare` (Linux, util-linux)"
    if os.geteuid() != 0:
        return "not root, which mounting and chroot need"
    tried = subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True)
    return None if tried.returncode == 0 else f"unshare: {tried.stderr.decode().strip()}"


@dataclass(frozen=True)
class Image:
    """An unpacked image."""

    root: Path
    config: Mapping[str, Any]
    """What `docker inspect` says of it under `Config`."""

    @classmethod
    def unpacked(cls, name: str, folder: Path, *, builder: Sequence[str | Path]) -> "Image":
        """Unpacks the image that the builder knows by this name into an empty folder.

        `builder` is a command that takes Docker's arguments.

        Raises:
            ImageMissing: the builder has no such image, or cannot unpack it.
        """
        inspected = json.loads(_said([*builder, "inspect", "--type", "image", name]))
        container = _said([*builder, "create", name]).strip()
        try:
            tar = folder / "root.tar"
            _said([*builder, "export", "--output", tar, container])
            root = folder / "root"
            root.mkdir()
            _said(["tar", "--extract", "--numeric-owner", "--file", tar, "--directory", root])
            tar.unlink()
        finally:
            _said([*builder, "rm", container])
        return cls(root, inspected[0]["Config"])

    @property
    def user(self) -> str:
        return str(self.config["User"])

    @property
    def labels(self) -> Mapping[str, str]:
        return dict(self.config["Labels"])

    def files(self) -> Iterator[str]:
        """Every path in it that is no folder, absolute as seen from inside."""
        for folder, _, names in os.walk(self.root):
            inside = "/" / Path(folder).relative_to(self.root)
            yield from (str(inside / name) for name in names)

    def text(self, path: str) -> str:
        return (self.root / path.lstrip("/")).read_text()

    @asynccontextmanager
    async def running(
        self, environment: Mapping[str, str], *, log: Path, network: bool = True
    ) -> AsyncIterator["ImageProcess"]:
        """Its entrypoint, running; killed at the end of the block, if it still runs then.

        Without `network` it has not even a loopback.
        """
        process = await ChildProcess.start(
            [
                *(str(shutil.which("unshare")), "--mount", "--pid", "--fork"),
                *(() if network else ("--net",)),
                *("sh", "-c", _ENTER, "sh", str(self.root), *self.user.split(":")),
                *self.config["Entrypoint"],
            ],
            log=log,
            env={
                **dict(setting.split("=", 1) for setting in self.config.get("Env") or ()),
                **environment,
            },
        )
        try:
            yield ImageProcess(process, log)
        finally:
            await process.kill()


class ImageProcess:
    """A running image, looked at from outside."""

    def __init__(self, outer: ChildProcess, log: Path) -> None:
        self._outer = outer
        self._log = log

    @property
    def running(self) -> bool:
        return self._outer.running

    @property
    def pid(self) -> int:
        """Of the entrypoint, as this machine numbers it; inside it is process 1."""
        outer = self._outer.pid
        children = Path(f"/proc/{outer}/task/{outer}/children").read_text().split()
        return int(children[0])

    def status(self, key: str) -> list[str]:
        """The values of a line of its /proc/PID/status."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            name, _, values = line.partition(":")
            if name == key:
                return values.split()
        raise KeyError(key)

    def mount_options(self, point: str) -> list[str]:
        """The options of what is mounted there, as it sees it."""
        found = [
            fields[3].split(",")
            for line in Path(f"/proc/{self.pid}/mounts").read_text().splitlines()
            if (fields := line.split())[1] == point
        ]
        return found[-1]

    def send(self, number: signal.Signals) -> None:
        """To process 1, as an engine does. There a signal without a handler has no effect."""
        os.kill(self.pid, number)

    async def terminate(self, *, within: float = 30) -> int:
        """SIGTERM, and the exit code after the drain. Raises TimeoutError."""
        self.send(signal.SIGTERM)
        async with asyncio.timeout(within):
            return await self._outer.wait()

    async def until_said(self, text: str, *, within: float = 20) -> None:
        """Waits until its output has `text`. Raises TimeoutError, with the output."""
        try:
            async with asyncio.timeout(within):
                while True:
                    if text in self.output():
                        return
                    await asyncio.sleep(_AGAIN)
        except TimeoutError:
            raise TimeoutError(f"no {text!r} in {within:g} s: {self.output()}") from None

    def output(self) -> str:
        return self._log.read_text()


def _said(command: Sequence[str | Path]) -> str:
    ended = subprocess.run(command, capture_output=True, text=True)
    if ended.returncode != 0:
        raise ImageMissing(f"{' '.join(map(str, command))}: {ended.stderr.strip()}")
    return ended.stdout
