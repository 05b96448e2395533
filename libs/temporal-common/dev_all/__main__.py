"""`./pants run libs/temporal-common:dev-all`."""

import asyncio
import os
import sys
from contextlib import AsyncExitStack
from typing import Final

from dev_all.console import say
from dev_all.options import Options, parse_options
from dev_all.servers import require_free_ports, start_servers
from dev_servers.ports import require_free
from temporal_common.errors import FleetError, SettingsError
from temporal_common.logs import configure_logs
from temporal_common.process import end_process, run_with_signals
from temporal_common.service import load_service_settings
from temporal_common.settings import HealthSettings, load
from temporal_common.signals import exit_quietly_on_signals
from temporal_common.version import VERSION
from worker_jobs.worker import WORKER as JOBS
from worker_tenant.worker import WORKER as TENANT

SERVICE: Final = "dev-all"
HEALTH_PORT: Final = 8080
WORKERS: Final = {spec.workload: spec for spec in (TENANT, JOBS)}


async def run(options: Options) -> int:
    """Servers, then workers; on a signal first the workers drain, then the servers stop."""
    health_port = load(HealthSettings, port=HEALTH_PORT).port
    require_free_ports(options)
    require_free(health_port, "health server", option="HEALTH_PORT")
    async with AsyncExitStack() as stack:
        await start_servers(options, stack, os.environ)
        specs = [WORKERS[name] for name in options.workloads]
        settings = load_service_settings(specs, health_port=health_port)
        configure_logs(settings.logs, service=SERVICE, version=VERSION)

        def ready(task_queues: list[str]) -> None:
            say("Workers", ", ".join(task_queues))
            say("Health", f"http://127.0.0.1:{health_port}/health")
            say("State", str(options.state), "remove it to start anew")
            say("ready", "Ctrl-C drains the workers, then stops the servers")

        code = await run_with_signals(SERVICE, settings, on_ready=ready)
        say("stopping", "the servers")
    return code


def main() -> None:
    exit_quietly_on_signals()
    options = parse_options(sys.argv[1:])
    # A person reads this, also through a pipe.
    os.environ.setdefault("LOG_FORMAT", "console")
    try:
        options.state.mkdir(parents=True, exist_ok=True)
        code = asyncio.run(run(options))
    except (FleetError, OSError) as error:
        sys.stderr.write(f"{SERVICE}: {error}\n")
        code = 2 if isinstance(error, SettingsError) else 1
    end_process(code)


if __name__ == "__main__":
    main()
