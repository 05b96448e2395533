"""One process around `service.run`: settings, logs, signals, exit code."""

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn

import structlog

from temporal_common.errors import FleetError, SettingsError
from temporal_common.logs import configure_logs
from temporal_common.service import ServiceSettings, load_service_settings, run
from temporal_common.signals import stop_signals
from temporal_common.stopping import Stop
from temporal_common.version import VERSION
from temporal_common.worker import WorkerSpec

log = structlog.get_logger()


def run_process(service: str, specs: Sequence[WorkerSpec], *, health_port: int) -> NoReturn:
    """Reads the settings, runs the workloads, and ends the process with their exit code."""
    try:
        settings = load_service_settings(specs, health_port=health_port)
        configure_logs(settings.logs, service=service, version=VERSION)
        code = asyncio.run(run_with_signals(service, settings))
    except SettingsError as error:
        sys.stderr.write(
            f"{service}: {error}\n".replace("\n", f"\n{service}: ").removesuffix(f"{service}: ")
        )
        code = 2
    except FleetError as error:
        log.error("the service failed", reason=str(error), error=type(error).__name__)
        code = 1
    except Exception:
        log.exception("the service failed")
        code = 1
    end_process(code)


async def run_with_signals(
    service: str,
    settings: ServiceSettings,
    *,
    on_ready: Callable[[list[str]], None] = lambda _task_queues: None,
) -> int:
    """`service.run`, stopped by SIGTERM or SIGINT."""
    stop = Stop()
    with stop_signals(stop.request):
        return await run(service, settings, stop, on_ready=on_ready)


def end_process(code: int) -> NoReturn:
    """Flushes and ends at once, without the interpreter's finalization.

    That aborts in a few percent of the exits of a process that ran the SDK's core
    (https://github.com/temporalio/sdk-python/issues/300), after all work is done.
    """
    for flush in (logging.shutdown, sys.stdout.flush, sys.stderr.flush):
        with suppress(OSError, ValueError):  # a reader that is gone must not change the exit code
            flush()
    os._exit(code)
