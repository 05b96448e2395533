"""Run as a script between a parent and the server it starts: become another user, die with the parent, exec.

A script and not `preexec_fn`: Python code between fork and exec can deadlock in a process with
threads, and every Temporal client brings threads. Only the standard library, no `site`: it costs 15 ms.

    launcher.py PARENT_PID DEATH_SIGNAL UID GID PROGRAM ARGUMENT...
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(parent: int, death_signal: int, uid: int, gid: int, command: list[str]) -> None:
    if uid != os.geteuid():
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After the change of user, which clears this setting in the kernel.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:  # it ended before the line above took effect
            sys.exit(f"the parent process {parent} is gone; {command[0]} is not started")
    os.execv(command[0], command)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:5]), command=sys.argv[5:])
