"""One command's way to the fleet: event loop, Temporal, Postgres."""

import asyncio
import getpass
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from fleetctl.exit_codes import ExitCode
from fleetctl.failures import Failure
from fleetctl.spans import traced

if TYPE_CHECKING:
    from temporalio.client import Client, WorkflowHandle

    from temporal_common.connection import Connection
    from temporal_common.routing import Route, Router
    from tenant_catalog.database import Database
    from tenant_catalog.tenants import TenantCatalog

T = TypeVar("T")


def run(command: str, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs a command's work to its end. `command` is its name, such as `tenant provision`."""
    with traced(f"fleetctl {command}", identity()):
        return asyncio.run(work())


@dataclass(frozen=True)
class Fleet:
    """A connected client, and where its work goes."""

    client: "Client"
    router: "Router"

    async def start(
        self,
        workflow: str,
        argument: object,
        *,
        id: str,
        route: "Route",
        result_type: type[T],
        running: str,
    ) -> "WorkflowHandle[Any, T]":
        """Starts a workflow, unless one of that id is running.

        A closed one of that id is no obstacle: the row in the database is the final guard.

        Raises:
            Failure: one of that id is running; `running` is what to say then.
        """
        from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
        from temporalio.exceptions import WorkflowAlreadyStartedError

        try:
            return await self.client.start_workflow(
                workflow,
                argument,
                id=id,
                result_type=result_type,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                **route.options(),
            )
        except WorkflowAlreadyStartedError:
            raise Failure(running, type="AlreadyRunning", code=ExitCode.CONFLICT) from None


async def connect() -> Fleet:
    """Connects to Temporal.

    Raises:
        SettingsError, TemporalUnavailable
    """
    from temporal_common.connection import load_connection
    from temporal_common.routing import Router
    from temporal_common.settings import QueueSettings, load

    connection = load_connection()
    layout = load(QueueSettings).layout
    return Fleet(await connect_client(connection), Router(layout))


async def connect_client(connection: "Connection") -> "Client":
    """A client alone.

    Raises:
        SettingsError, TemporalUnavailable
    """
    from temporalio.runtime import Runtime, TelemetryConfig

    from temporal_common.client import connect

    # Without a log of its own: the SDK's core writes it to stdout, amid our JSON.
    runtime = Runtime(telemetry=TelemetryConfig(logging=None))
    return await connect(connection, runtime=runtime, identity=identity())


@asynccontextmanager
async def open_postgres() -> AsyncIterator["Database"]:
    """The database, with one connection.

    Raises:
        SettingsError: `DATABASE_URL` or another of its settings is not valid.
    """
    from temporal_common.settings import load
    from tenant_catalog.database import open_database
    from tenant_catalog.settings import DatabaseSettings

    # A person waits: shorter than a service's default, which bears with a database that starts.
    settings = load(DatabaseSettings, connect_timeout=3)
    async with open_database(settings, pool_size=1, application_name="fleetctl") as database:
        yield database


@asynccontextmanager
async def open_catalog() -> AsyncIterator["TenantCatalog"]:
    """The catalogue of tenants, read straight from Postgres.

    Raises:
        SettingsError: `DATABASE_URL` or another of its settings is not valid.
    """
    from tenant_catalog.tenants import TenantCatalog

    async with open_postgres() as database:
        yield TenantCatalog(database)


def identity() -> str:
    """Who started a workflow, as its history shows it: `fleetctl:{user}@{host}`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's numeric user without a name
        user = "unknown"
    return f"fleetctl:{user}@{socket.gethostname()}"
