"""TCP ports of 127.0.0.1: pick a free one, or say clearly that one is taken."""

import errno
import random
import socket

from dev_servers.errors import PortInUse

HOST = "127.0.0.1"

# Below the range that systems take for outgoing connections (32768 and up on Linux, 49152 and up on
# macOS): a port from that range can be taken by any client while a test has its server down, and a
# client that retries against it can even connect to itself.
_PORTS = range(20_000, 32_768)
_handed_out: set[int] = set()


def free_port() -> int:
    """A port of 127.0.0.1 where nothing listens, never the same twice in one process."""
    for port in random.SystemRandom().sample(_PORTS, k=200):
        if port not in _handed_out and is_free(port):
            _handed_out.add(port)
            return port
    raise PortInUse(f"no free port found on {HOST} between {_PORTS.start} and {_PORTS.stop - 1}")


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections of an earlier server that linger in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def require_free(port: int, purpose: str, *, option: str | None = None) -> None:
    """Raise PortInUse unless 127.0.0.1:port is free.

    `purpose` says who wants it. `option`: the command-line option, such as "--temporal-port", that
    chooses another port; a command with such options asks with it before it starts anything.
    """
    if is_free(port):
        return
    mend = (
        f"stop what listens there or pass {option}"
        if option
        else "stop what listens there or choose another"
    )
    raise PortInUse(f"port {port} on {HOST} is in use ({purpose} wants it); {mend}")
