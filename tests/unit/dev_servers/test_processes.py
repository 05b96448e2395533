"""Children: apart from the terminal, ended with their descendants, clear about a failed start."""

import os
import signal
import sys
from pathlib import Path

import pytest

from dev_servers.errors import StartFailed
from dev_servers.processes import ChildProcess

# Each touches the file it is given, so that a test can wait until the child runs this code.
IGNORES_SIGTERM = """
import pathlib, signal, sys, threading
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(sys.argv[1]).touch()
threading.Event().wait()
"""
WAITS = (
    "import pathlib, sys, threading; pathlib.Path(sys.argv[1]).touch(); threading.Event().wait()"
)
LEAVES_A_CHILD = """
import os, pathlib, sys, threading
if pid := os.fork():
    part = pathlib.Path(sys.argv[1] + ".part")
    part.write_text(str(pid))
    part.rename(sys.argv[1])
else:
    threading.Event().wait()
"""


async def started(code: str, folder: Path) -> ChildProcess:
    """A Python child that has begun to run `code`; the code touches the file it is given."""
    file = folder / "runs"
    child = await ChildProcess.start([sys.executable, "-c", code, file], log=folder / "log")

    async def runs() -> bool:
        return file.exists()

    await child.until_ready("child", runs, within=20)
    return child


async def never() -> bool:
    return False


async def test_a_child_has_a_session_of_its_own_so_that_ctrl_c_does_not_reach_it(
    tmp_path: Path,
) -> None:
    child = await started(WAITS, tmp_path)

    assert os.getsid(child.pid) == child.pid != os.getsid(0)

    await child.stop()


async def test_stop_ends_a_child_by_the_signal_asked_for(tmp_path: Path) -> None:
    child = await started(WAITS, tmp_path)

    await child.stop(signal.SIGTERM)

    assert not child.running
    assert await child.wait() == -signal.SIGTERM


async def test_stop_kills_a_child_that_does_not_listen(tmp_path: Path) -> None:
    child = await started(IGNORES_SIGTERM, tmp_path)

    await child.stop(signal.SIGTERM, within=0.1)

    assert await child.wait() == -signal.SIGKILL


async def test_stopping_twice_does_nothing_the_second_time(tmp_path: Path) -> None:
    child = await started(WAITS, tmp_path)

    await child.stop(signal.SIGTERM)
    await child.stop(signal.SIGINT)

    assert await child.wait() == -signal.SIGTERM


async def test_a_child_counts_as_running_until_its_descendants_have_ended(tmp_path: Path) -> None:
    child = await started(LEAVES_A_CHILD, tmp_path)
    assert child.running

    os.kill(int((tmp_path / "runs").read_text()), signal.SIGKILL)

    assert await child.wait() == 0


async def test_a_child_that_ends_at_its_start_is_reported_with_the_reason_from_its_log(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    log.write_text("an earlier run\nERROR of an earlier run\n")
    code = "print('FATAL: no such disk'); print('shut down'); raise SystemExit(3)"
    child = await ChildProcess.start([sys.executable, "-c", code], log=log)

    with pytest.raises(StartFailed) as error:
        await child.until_ready("toy server", never, within=20)

    assert str(error.value) == (
        "toy server ended with code 3 at its start; "
        f"its log says: FATAL: no such disk (whole log: {log})"
    )


async def test_a_log_without_a_fault_is_quoted_by_its_last_line(tmp_path: Path) -> None:
    child = await ChildProcess.start(
        [sys.executable, "-c", "print('one'); print('two')"], log=tmp_path / "log"
    )

    with pytest.raises(StartFailed, match="its log says: two "):
        await child.until_ready("toy server", never, within=20)


async def test_a_child_that_is_not_ready_in_time_is_killed_and_reported(tmp_path: Path) -> None:
    child = await started(WAITS, tmp_path)

    with pytest.raises(
        StartFailed, match=r"toy server did not answer within 0\.05 s; it logged noth"
    ):
        await child.until_ready("toy server", never, within=0.05)

    assert not child.running
