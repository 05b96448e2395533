"""How a test looks into a rendering, and what a check says about it."""

from collections.abc import Iterable, Iterator

from deploy.checks.findings import Finding
from deploy.checks.manifests import Document, Rendering, Worker


def worker(rendering: Rendering, name: str = "worker-tenant") -> Worker:
    return next(worker for worker in rendering.workers() if worker.name == name)


def settings_of(rendering: Rendering, name: str = "worker-tenant") -> Document:
    """The data of the worker's ConfigMap."""
    reference = worker(rendering, name).container["envFrom"][0]["configMapRef"]["name"]
    settings = rendering.named("ConfigMap", reference)
    assert settings is not None
    data: Document = settings["data"]
    return data


def the(rendering: Rendering, kind: str, name: str = "worker-tenant") -> Document:
    document = rendering.named(kind, name)
    assert document is not None
    return document


def only(findings: Iterable[Finding] | Iterator[Finding]) -> str:
    """The one finding, as its line."""
    (finding,) = findings
    return str(finding)
