"""A script between a parent and its server: change the user, die with the parent, exec.

A script and not `preexec_fn`: Python code between fork and exec can deadlock in a process with
threads, and every Temporal client brings threads. It needs the standard library only.

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
    parent, death_signal, uid, gid = map(int, sys.argv[1:5])
    main(parent, death_signal, uid, gid, sys.argv[5:])
