"""Who a server runs as when we are root, and how it reaches its files then.

Postgres refuses to run as root, and a container or a CI machine often is root. Then the server runs
as the system user `nobody`, which every system has (the wheel would create a user of its own).
"""

import logging
import os
import pwd
import stat
from pathlib import Path

from dev_servers.processes import RunAs

logger = logging.getLogger(__name__)


def user_for(folder: Path) -> RunAs | None:
    """The user to run as on the data in `folder`: None for ourselves.

    Root becomes the owner of the data, or `nobody` where there are none yet.
    """
    if os.geteuid() != 0:
        return None
    owner = folder.stat().st_uid if folder.exists() else 0
    entry = pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")
    return RunAs(entry.pw_uid, entry.pw_gid)


def give(path: Path, user: RunAs) -> None:
    """Make `user` the owner of `path`."""
    os.chown(path, user.uid, user.gid)


def open_way(path: Path, user: RunAs) -> None:
    """Let `user` pass through the folders above `path`; each folder changed gives a log line.

    Only passing through (o+x) is allowed, not listing or reading: what these folders hold stays as
    closed as its own permissions make it. Root's home is 0700 on many systems, and both the wheel's
    programs and the data may lie below it.
    """
    for folder in path.resolve().parents:
        if not _may_pass(folder.stat(), user):
            folder.chmod(stat.S_IMODE(folder.stat().st_mode) | stat.S_IXOTH)
            logger.warning(
                "users may now pass through %s (chmod o+x): Postgres cannot run as root, "
                "and its files are below it",
                folder,
            )


def _may_pass(status: os.stat_result, user: RunAs) -> bool:
    if status.st_uid == user.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == user.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)
