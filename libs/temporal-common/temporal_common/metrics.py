"""The SDK's metrics for Prometheus, served by our health server under `/metrics`.

The SDK's core aggregates them in Rust and serves them itself; we let it do so on a loopback port
and pass the text on, because a pod then has one port to probe and to scrape.
"""

import logging
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

# Seconds. A queue that is served at once shows below 50 ms; an alert starts at 200 ms.
_LATENCY_BUCKETS: Final = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0,
)  # fmt: skip
_LATENCIES: Final = (
    "activity_schedule_to_start_latency",
    "workflow_task_schedule_to_start_latency",
    "activity_execution_latency",
    "workflow_task_execution_latency",
    "workflow_endtoend_latency",
)


@dataclass(frozen=True)
class InstrumentedRuntime:
    """The SDK runtime of this process, and where its core serves the metrics."""

    runtime: Runtime
    metrics_url: str


def instrumented_runtime(labels: Mapping[str, str]) -> InstrumentedRuntime:
    """Makes the process's runtime; every metric carries the labels, among them the workload.

    Durations are in seconds, as is Prometheus' rule; the SDK's default is milliseconds.
    """
    address = f"127.0.0.1:{_free_loopback_port()}"
    runtime = Runtime(
        telemetry=TelemetryConfig(
            metrics=PrometheusConfig(
                bind_address=address,
                durations_as_seconds=True,
                histogram_bucket_overrides={
                    f"temporal_{name}": _LATENCY_BUCKETS for name in _LATENCIES
                },
            ),
            logging=LoggingConfig(  # through `logging`, so that core's lines are JSON as well
                filter=TelemetryFilter(core_level="WARN", other_level="ERROR"),
                forwarding=LogForwardingConfig(logger=logging.getLogger("temporalio.core")),
            ),
            global_tags=dict(labels),
        )
    )
    return InstrumentedRuntime(runtime, f"http://{address}/metrics")


def _free_loopback_port() -> int:
    # The core cannot report a port that it chose itself, so we choose. Between the two calls
    # another process could take it; the runtime then fails at once, and a supervisor restarts us.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
