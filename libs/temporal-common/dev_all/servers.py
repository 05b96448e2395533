"""The servers of dev-all: started, or taken as given by the environment."""

import os
from collections.abc import MutableMapping
from contextlib import AsyncExitStack
from typing import Final

from dev_all.console import say
from dev_all.options import Options
from dev_servers.mail_sink import mail_sink
from dev_servers.ports import require_free
from dev_servers.postgres import embedded_postgres
from dev_servers.temporal_server import temporal_server

DATABASE: Final = "fleet"


def require_free_ports(options: Options) -> None:
    """Raises PortInUse before anything is started."""
    if "TEMPORAL_ADDRESS" not in os.environ:
        require_free(options.temporal_port, "Temporal dev server", option="--temporal-port")
        require_free(options.ui_port, "Temporal web UI", option="--ui-port")
    if "DATABASE_URL" not in os.environ:
        require_free(options.postgres_port, "Postgres", option="--postgres-port")
    if "SMTP_HOST" not in os.environ:
        require_free(options.smtp_port, "mail sink", option="--smtp-port")


async def start_servers(
    options: Options, stack: AsyncExitStack, environment: MutableMapping[str, str]
) -> None:
    """Starts what is not given; `stack` stops it. Puts the addresses into `environment`, where the
    settings of the workloads read them."""
    await _temporal(options, stack, environment)
    await _postgres(options, stack, environment)
    await _mail_sink(options, stack, environment)


async def _temporal(
    options: Options, stack: AsyncExitStack, environment: MutableMapping[str, str]
) -> None:
    given = environment.get("TEMPORAL_ADDRESS")
    if given:
        say("Temporal", given, "given by TEMPORAL_ADDRESS")
        return
    server = await stack.enter_async_context(
        temporal_server(
            port=options.temporal_port,
            ui_port=options.ui_port,
            db_file=options.state / "temporal.db",
            namespace=environment.get("TEMPORAL_NAMESPACE", "default"),
            log=options.state / "temporal.log",
        )
    )
    environment["TEMPORAL_ADDRESS"] = server.address
    say("Temporal", server.address, f"UI {server.ui_url}")


async def _postgres(
    options: Options, stack: AsyncExitStack, environment: MutableMapping[str, str]
) -> None:
    if "DATABASE_URL" in environment:
        say("Postgres", "given by DATABASE_URL")
        return
    server = await stack.enter_async_context(
        embedded_postgres(
            options.state / "postgres",
            port=options.postgres_port,
            log=options.state / "postgres.log",
        )
    )
    environment["DATABASE_URL"] = await server.create_database(DATABASE)
    say("Postgres", environment["DATABASE_URL"])


async def _mail_sink(
    options: Options, stack: AsyncExitStack, environment: MutableMapping[str, str]
) -> None:
    if "SMTP_HOST" in environment:
        say("SMTP", environment["SMTP_HOST"], "given by SMTP_HOST")
        return
    sink = await stack.enter_async_context(
        mail_sink(options.state / "mails", port=options.smtp_port)
    )
    environment["SMTP_HOST"], environment["SMTP_PORT"] = sink.host, str(sink.port)
    say("Mail sink", f"{sink.host}:{sink.port}", f"mails in {sink.folder}")
