"""The lifecycle of a service, top to bottom in `run`.

start → health server → connect (with back-off) → one Worker per queue → ready
SIGTERM → not ready → stop polling → drain within the limit → close resources → flush → exit 0
"""

import socket
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import structlog
from temporalio.common import WorkerDeploymentVersion
from temporalio.runtime import Runtime

from temporal_common.build_id import image_build_id
from temporal_common.client import connect_with_backoff
from temporal_common.connection import Connection, load_connection
from temporal_common.errors import SettingsError
from temporal_common.fleet import Fleet, OnReady
from temporal_common.health import Health, State
from temporal_common.health_server import health_server, loop_heartbeat
from temporal_common.metrics import instrumented_runtime
from temporal_common.queues import QueueLayout
from temporal_common.settings import (
    HealthSettings,
    LogSettings,
    QueueSettings,
    ShardSettings,
    load,
)
from temporal_common.stopping import Stop, unless_stopped
from temporal_common.tracing import tracing
from temporal_common.tuning import load_tuning
from temporal_common.tuning_checks import tuning_findings
from temporal_common.version import VERSION
from temporal_common.versioning import load_version
from temporal_common.worker import WorkerSpec, Workload

__all__ = ["ServiceSettings", "Stop", "Workload", "load_service_settings", "run"]

log = structlog.get_logger()

_T = TypeVar("_T")


@dataclass(frozen=True)
class ServiceSettings:
    """All that a service reads from outside, read once."""

    connection: Connection
    layout: QueueLayout
    sharding: ShardSettings
    health: HealthSettings
    logs: LogSettings
    workloads: Sequence[Workload]
    version: WorkerDeploymentVersion | None
    """Of Worker Versioning; None leaves it off."""

    @property
    def build_id(self) -> str | None:
        """Also without Worker Versioning, if this is an image."""
        return self.version.build_id if self.version else image_build_id()


def load_service_settings(specs: Sequence[WorkerSpec], *, health_port: int) -> ServiceSettings:
    """Reads the settings of these workloads. `health_port` is the default of `HEALTH_PORT`.

    Raises:
        SettingsError: with a line for each finding, not only for the first.
    """
    findings: list[str] = []

    def read(reader: Callable[[], _T]) -> _T:
        try:
            return reader()
        except SettingsError as error:
            findings.append(str(error))
            return None  # type: ignore[return-value]  # never used: we raise below

    settings = ServiceSettings(
        connection=read(load_connection),
        layout=read(lambda: load(QueueSettings).layout),
        sharding=read(lambda: load(ShardSettings)),
        health=read(lambda: load(HealthSettings, port=health_port)),
        logs=read(lambda: load(LogSettings)),
        workloads=[
            Workload(spec, read(lambda: load_tuning(spec.tuning)), read(spec.settings))  # noqa: B023
            for spec in specs
        ],
        version=read(load_version),
    )
    # What goes together is asked of values that are valid by themselves.
    findings = findings or _findings(settings)
    if findings:
        raise SettingsError("\n".join(dict.fromkeys(findings)))
    return settings


def _findings(settings: ServiceSettings) -> list[str]:
    """What is wrong between settings that were read apart."""
    findings = []
    for workload in settings.workloads:
        spec = workload.spec
        findings += tuning_findings(
            workload.tuning,
            pool_size=spec.pool_size(workload.settings),
            queues=settings.layout.shards_of(spec.kind),
            versioned=settings.version is not None,
            limits_tenants=spec.tenant_limiter is not None,
        )
        if spec.kind.sharded and not settings.sharding.shards.shards(settings.layout.shards):
            findings.append(
                f"WORKER_SHARDS={str(settings.sharding.shards)!r} names none of the "
                f"{settings.layout.shards} shards of TEMPORAL_QUEUE_SHARDS (0 to "
                f"{settings.layout.shards - 1}): this process would have nothing to do"
            )
    return findings


async def run(
    service: str,
    settings: ServiceSettings,
    stop: Stop,
    *,
    on_ready: OnReady = lambda _task_queues: None,
) -> int:
    """Runs the workloads until `stop`, or until a worker ends by itself; gives the exit code.

    Raises:
        SettingsError: something that no waiting mends: a missing namespace, refused credentials.
    """
    identity = f"{service}@{socket.gethostname()}"
    health = Health(
        service=service,
        workload=",".join(workload.spec.workload for workload in settings.workloads),
        version=VERSION,
        build_id=settings.build_id,
        identity=identity,
        blocked_after=settings.health.blocked_after,
    )
    metrics = instrumented_runtime(_metric_labels(health, settings.version))
    async with AsyncExitStack() as stack:
        # Entered first and left last: it bounds the drain and all the closing after it.
        stack.enter_context(
            stop.deadline(_longest_stop(settings), lambda: _exit_code_when_cut_off(health))
        )
        stack.enter_context(tracing(service, VERSION, identity))  # flushed after the drain
        # Before connect: probes are answered from the first second on.
        port = stack.enter_context(health_server(health, settings.health, metrics.metrics_url))
        await stack.enter_async_context(loop_heartbeat(health))
        log.info("health server is up", port=port)
        fleet = await unless_stopped(stop, _start(settings, health, metrics.runtime, stack))
        if fleet is None:
            health.draining(stop.reason)
            log.info("stopped before it was ready", reason=stop.reason)
            return 0
        return await fleet.run_until(stop, on_ready)


async def _start(
    settings: ServiceSettings,
    health: Health,
    runtime: Runtime,
    stack: AsyncExitStack,
) -> Fleet:
    """Waits for Temporal, then opens what the workloads need and makes their Workers."""

    def waiting(reason: str) -> None:
        health.starting(reason)
        log.warning("waiting", reason=reason)

    client = await connect_with_backoff(
        settings.connection, runtime=runtime, identity=health.identity, waiting=waiting
    )
    log.info(
        "connected",
        address=settings.connection.address,
        namespace=settings.connection.namespace,
    )
    fleet = Fleet(client, settings.layout, settings.sharding, health, settings.version)
    for workload in settings.workloads:
        await fleet.add(workload, stack, waiting)
    return fleet


def _metric_labels(health: Health, version: WorkerDeploymentVersion | None) -> dict[str, str]:
    """With the version, which the SDK's core puts on no metric itself."""
    labels = {"service": health.service, "workload": health.workload}
    if version:
        labels |= {"deployment": version.deployment_name, "build_id": version.build_id}
    return labels


def _longest_stop(settings: ServiceSettings) -> timedelta:
    return max(workload.tuning.longest_stop for workload in settings.workloads)


def _exit_code_when_cut_off(health: Health) -> int:
    return 1 if health.running_activities or health.state is State.FAILED else 0
