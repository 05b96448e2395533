"""Probes against the real health server: it is started here and asked as the kubelet would."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import cache
from typing import Final

from deploy.checks.findings import Finding
from deploy.checks.manifests import Document, Rendering, Worker, selects
from temporal_common.health import Health
from temporal_common.health_server import health_server
from temporal_common.settings import HealthSettings

_NOT_THERE: Final = 404
# While a service waits for Temporal: a restart would not help, and it is not ready.
_WHILE_STARTING: Final = {"startupProbe": 200, "livenessProbe": 200, "readinessProbe": 503}


def check(rendering: Rendering) -> Iterator[Finding]:
    for worker in rendering.workers():
        for kind, expected in _WHILE_STARTING.items():
            yield from _probe(worker, kind, expected)
    for monitor in rendering.of_kind("PodMonitor"):
        yield from _monitor(rendering, monitor)


@cache
def status_while_starting(path: str) -> int:
    """What the health server of a service that is not connected yet answers."""
    health = Health("check", "check", "0", None, "check", 30)
    settings = HealthSettings(host="127.0.0.1", port=0)
    nothing = "http://127.0.0.1:9/"  # the SDK's own metrics: refused, which is a 503
    with health_server(health, settings, nothing) as port:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code


def _probe(worker: Worker, kind: str, expected: int) -> Iterator[Finding]:
    probe = worker.container.get(kind)
    if not probe or "httpGet" not in probe:
        yield worker.finding(f"{kind} is missing", "add it, over HTTP, as in deploy/k8s/base")
        return
    path = probe["httpGet"].get("path", "/")
    answer = status_while_starting(path)
    if answer != expected:
        yield worker.finding(
            f"{kind} asks {path}, which answers {answer} in place of {expected} while the "
            "service is starting",
            "use /livez for startup and liveness, /readyz for readiness",
        )
    yield from _port(worker, kind, probe["httpGet"].get("port"))


def _port(worker: Worker, who: str, port: str | int | None) -> Iterator[Finding]:
    named = {entry.get("name"): entry["containerPort"] for entry in worker.container["ports"]}
    number = named.get(port) if isinstance(port, str) else port
    health_port = worker.environment().get("HEALTH_PORT")
    if str(number) != health_port:
        yield worker.finding(
            f"{who} uses port {port} ({number}), the health server listens on {health_port}",
            "make the container's port `health` and HEALTH_PORT equal",
        )


def _monitor(rendering: Rendering, monitor: Document) -> Iterator[Finding]:
    watched = [
        worker
        for worker in rendering.workers()
        if selects(monitor["spec"]["selector"], worker.pod_labels)
    ]
    if not watched:
        yield rendering.finding(
            monitor, "it selects no worker", "select by app.kubernetes.io/name of the worker"
        )
    for endpoint in monitor["spec"]["podMetricsEndpoints"]:
        path = endpoint.get("path", "/metrics")
        if status_while_starting(path) == _NOT_THERE:
            yield rendering.finding(
                monitor, f"the health server serves no {path}", "scrape /metrics"
            )
        for worker in watched:
            yield from _port(worker, f"PodMonitor/{monitor['metadata']['name']}", endpoint["port"])
