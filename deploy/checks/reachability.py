"""Network policies let through what the settings name, and the scrape of the metrics."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from deploy.checks.findings import Finding
from deploy.checks.manifests import Document, Rendering, Worker, selects

_DNS: Final = 53
_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "postgresql": 5432, "postgres": 5432}


def destinations(variables: dict[str, str]) -> dict[str, int]:
    """The TCP port behind each setting that names a server."""
    found = {}
    address = variables.get("TEMPORAL_ADDRESS", "")
    if address:
        found["TEMPORAL_ADDRESS"] = int(address.rpartition(":")[2])
    if variables.get("SMTP_HOST"):
        found["SMTP_PORT"] = int(variables["SMTP_PORT"])
    for name in ("DATABASE_URL", "OTEL_EXPORTER_OTLP_ENDPOINT"):
        if variables.get(name):
            url = urlsplit(variables[name])
            found[name] = url.port or _DEFAULT_PORTS[url.scheme]
    return found


def check(rendering: Rendering) -> Iterator[Finding]:
    for worker in rendering.workers():
        policies = [
            policy["spec"]
            for policy in rendering.of_kind("NetworkPolicy")
            if selects(policy["spec"]["podSelector"], worker.pod_labels)
        ]
        if any("Egress" in policy["policyTypes"] for policy in policies):
            yield from _egress(worker, policies)
        if any("Ingress" in policy["policyTypes"] for policy in policies):
            health = int(worker.environment().get("HEALTH_PORT", 0))
            if health not in _ports(policies, "ingress"):
                yield worker.finding(
                    f"Prometheus cannot scrape port {health}",
                    "open HEALTH_PORT in components/network-policy/workers.yaml",
                )


def _egress(worker: Worker, policies: list[Document]) -> Iterator[Finding]:
    open_ports = _ports(policies, "egress")
    if _DNS not in open_ports:
        yield worker.finding("it cannot resolve names", "open port 53 in its NetworkPolicy")
    for setting, port in destinations(worker.environment()).items():
        if port not in open_ports:
            yield worker.finding(
                f"{setting} leads to port {port}, which no NetworkPolicy opens",
                "add the port to components/network-policy or to a policy of the overlay",
            )


def _ports(policies: list[Document], direction: str) -> set[int]:
    return {
        port["port"]
        for policy in policies
        for rule in policy.get(direction) or []
        for port in rule.get("ports") or []
    }
