"""Whatever happens to the program that started them, no server is left behind."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from dev_servers.ports import is_free

STARTS_SERVERS = """
import asyncio, json, pathlib, sys
from dev_servers.postgres import embedded_postgres
from dev_servers.temporal_server import temporal_server

async def main():
    data = pathlib.Path(sys.argv[1])
    async with (
        embedded_postgres() as fast,
        embedded_postgres(data) as durable,
        temporal_server() as temporal,
    ):
        servers = [fast, durable, temporal]
        print(json.dumps([[server.pid, server.port] for server in servers]), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_killed_parent_leaves_no_server_behind() -> None:
    with tempfile.TemporaryDirectory() as folder:
        kill_the_parent_of_servers(Path(folder))


def kill_the_parent_of_servers(folder: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", STARTS_SERVERS, folder / "data"],
        stdout=subprocess.PIPE,
        text=True,
        # Throw-away folders are what such a kill does leave: let them be made below ours.
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(folder)},
    )
    assert parent.stdout is not None
    with parent, parent.stdout:
        servers: list[tuple[int, int]] = json.loads(parent.stdout.readline())
        exits = [os.pidfd_open(pid) for pid, _ in servers]
        parent.send_signal(signal.SIGKILL)

    try:
        for end in exits:
            assert select.select([end], [], [], 20)[0], "a server outlived its parent by 20 s"
    finally:
        for end in exits:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(end, signal.SIGKILL)
            os.close(end)
    assert all(is_free(port) for _, port in servers)
