"""Whether Temporal is there, has our namespace, and is new enough."""

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from fleetctl.checks.verdicts import Checked, Problem, Verdict, judged, unknown

if TYPE_CHECKING:
    from temporalio.client import Client

TEMPORAL: Final = "temporal"
VERSION: Final = "server version"

OLDEST_SERVER: Final = (1, 29, 1)
"""Worker Versioning and fairness need it."""

_VERSION: Final = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")


class NoTemporal(Exception):
    """There is no client to check further with."""

    def __init__(self, checked: Checked, *, unreachable: bool) -> None:
        super().__init__(checked.detail)
        self.checked = checked
        self.unreachable = unreachable
        """Temporal does not answer, so that trying again later may help."""


async def check_temporal() -> "tuple[Client, Checked]":
    """A connected client.

    Raises:
        NoTemporal: with the verdict that says why.
        SettingsError: a setting of the connection cannot be read.
    """
    from fleetctl.session import connect_client
    from temporal_common.client import TemporalUnavailable
    from temporal_common.connection import load_connection
    from temporal_common.errors import SettingsError

    connection = load_connection()
    where = f"{connection.address}, namespace {connection.namespace}"
    try:
        client = await connect_client(connection)
    except (TemporalUnavailable, SettingsError) as error:
        what, _, mend = str(error).partition("; ")
        problem = Problem(
            what, where, mend or "start the server, or set TEMPORAL_ADDRESS to where it is"
        )
        if isinstance(error, SettingsError) and not mend:
            problem = Problem(what, where, "set the TEMPORAL_… variables that it names")
        raise NoTemporal(
            Checked(TEMPORAL, Verdict.PROBLEM, "no connection", (problem,)),
            unreachable=isinstance(error, TemporalUnavailable),
        ) from None
    return client, Checked(TEMPORAL, Verdict.OK, f"answers at {where}")


async def check_version(client: "Client") -> Checked:
    """That the server is not older than `OLDEST_SERVER`.

    Raises:
        RPCError
    """
    from temporalio.api.workflowservice.v1 import GetSystemInfoRequest

    info = await client.workflow_service.get_system_info(
        GetSystemInfoRequest(), timeout=timedelta(seconds=10)
    )
    version = parse_version(info.server_version)
    if version is None:
        return unknown(VERSION, f"the server says {info.server_version!r}")
    oldest = ".".join(map(str, OLDEST_SERVER))
    old = Problem(
        f"the server is {info.server_version}; Worker Versioning and fairness need {oldest}",
        client.service_client.config.target_host,
        f"upgrade the Temporal server to {oldest} or newer",
    )
    return judged(VERSION, info.server_version, [old] if version < OLDEST_SERVER else [])


def parse_version(text: str) -> tuple[int, int, int] | None:
    """`1.32.0`, `v1.29`, `1.30.0-rc.1`; None for something else."""
    match = _VERSION.match(text)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None
