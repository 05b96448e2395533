"""Rendered manifests, and what checks ask of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import yaml

from deploy.checks.findings import Finding

Document: TypeAlias = dict[str, Any]

WORKER_LABEL: Final = "app.kubernetes.io/component"
FROM_SECRET: Final = "from-a-secret"
"""Stands for a value that only the cluster knows."""

# libyaml where the wheel has it: ten times as fast, and a hundred renderings are read.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_TEMPLATED: Final = frozenset(
    {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "WorkerDeployment"}
)


def name_of(document: Document) -> str:
    """Kind/name, as kubectl writes it."""
    return f"{document.get('kind', '?')}/{document.get('metadata', {}).get('name', '?')}"


@dataclass(frozen=True)
class Rendering:
    """What `kubectl kustomize` makes of one overlay or one combination of components."""

    name: str
    documents: tuple[Document, ...]

    def of_kind(self, *kinds: str) -> list[Document]:
        return [document for document in self.documents if document.get("kind") in kinds]

    def named(self, kind: str, name: str) -> Document | None:
        for document in self.of_kind(kind):
            if document["metadata"]["name"] == name:
                return document
        return None

    def finding(self, document: Document, problem: str, mend: str) -> Finding:
        return Finding(self.name, name_of(document), problem, mend)

    def pods(self) -> Iterator[tuple[Document, Document]]:
        """Each object that has pods, with the pod's spec."""
        for document in self.documents:
            spec = pod_spec(document)
            if spec is not None:
                yield document, spec

    def workers(self) -> list["Worker"]:
        return [
            Worker(self, document)
            for document, _ in self.pods()
            if document["metadata"].get("labels", {}).get(WORKER_LABEL) == "worker"
        ]


def parse(name: str, text: str) -> Rendering:
    return Rendering(
        name, tuple(document for document in yaml.load_all(text, Loader=_LOADER) if document)
    )


def pod_spec(document: Document) -> Document | None:
    spec = document.get("spec") or {}
    found: Document | None = None
    if document.get("kind") == "Pod":
        found = spec
    elif document.get("kind") == "CronJob":
        found = spec["jobTemplate"]["spec"]["template"]["spec"]
    elif document.get("kind") in _TEMPLATED:
        found = spec.get("template", {}).get("spec")
    return found


def containers(spec: Document) -> list[Document]:
    kinds = ("initContainers", "containers", "ephemeralContainers")
    return [container for kind in kinds for container in spec.get(kind) or []]


def selects(selector: Document | None, labels: Mapping[str, str]) -> bool:
    """By `matchLabels`, the only form that these manifests use; an empty one selects everything."""
    wanted = (selector or {}).get("matchLabels", {})
    return all(labels.get(key) == value for key, value in wanted.items())


@dataclass(frozen=True)
class Worker:
    """A Deployment or WorkerDeployment of one of our services."""

    rendering: Rendering
    document: Document

    @property
    def name(self) -> str:
        return str(self.document["metadata"]["name"])

    @property
    def spec(self) -> Document:
        spec: Document = self.document["spec"]["template"]["spec"]
        return spec

    @property
    def container(self) -> Document:
        container: Document = self.spec["containers"][0]
        return container

    @property
    def pod_labels(self) -> dict[str, str]:
        return dict(self.document["spec"]["template"]["metadata"].get("labels", {}))

    def environment(self) -> dict[str, str]:
        """What the process finds; a secret's value is `FROM_SECRET`, an optional one is absent."""
        found: dict[str, str] = {}
        for source in self.container.get("envFrom") or []:
            reference = source.get("configMapRef", {}).get("name", "")
            settings = self.rendering.named("ConfigMap", reference)
            found |= (settings or {}).get("data", {})
        for entry in self.container.get("env") or []:
            if "value" in entry:
                found[entry["name"]] = entry["value"]
            elif not entry["valueFrom"].get("secretKeyRef", {}).get("optional"):
                found[entry["name"]] = FROM_SECRET
        return found

    def environment_names(self) -> set[str]:
        """All names, those of optional secrets included."""
        return set(self.environment()) | {
            entry["name"] for entry in self.container.get("env") or []
        }

    def finding(self, problem: str, mend: str) -> Finding:
        return self.rendering.finding(self.document, problem, mend)
