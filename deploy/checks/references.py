"""What an object names is there: settings, accounts, scaling targets, pods behind a selector.

Kustomize renames a ConfigMap with a hash and follows that name in the kinds that it knows only.
"""

from collections.abc import Iterator
from typing import Final

from deploy.checks.findings import Finding
from deploy.checks.manifests import Document, Rendering, containers, selects

_MEND: Final = "correct the name, or teach kustomize the field (components/versioned)"


def check(rendering: Rendering) -> Iterator[Finding]:
    for document, pod in rendering.pods():
        for container in containers(pod):
            for source in container.get("envFrom") or []:
                name = source.get("configMapRef", {}).get("name")
                if name and not rendering.named("ConfigMap", name):
                    yield rendering.finding(document, f"there is no ConfigMap/{name}", _MEND)
        account = pod.get("serviceAccountName")
        if account and not rendering.named("ServiceAccount", account):
            yield rendering.finding(document, f"there is no ServiceAccount/{account}", _MEND)
    for document, kind, name in _named_targets(rendering):
        if not rendering.named(kind, name):
            yield rendering.finding(document, f"there is no {kind}/{name}", _MEND)
    for budget in rendering.of_kind("PodDisruptionBudget"):
        if not any(selects(budget["spec"]["selector"], w.pod_labels) for w in rendering.workers()):
            yield rendering.finding(budget, "it selects no worker", "correct the selector")


def _named_targets(rendering: Rendering) -> Iterator[tuple[Document, str, str]]:
    for document in rendering.documents:
        spec = document.get("spec") or {}
        match document.get("kind"):
            case "HorizontalPodAutoscaler":
                yield document, spec["scaleTargetRef"]["kind"], spec["scaleTargetRef"]["name"]
            case "ScaledObject":
                target = spec["scaleTargetRef"]
                yield document, target.get("kind", "Deployment"), target["name"]
                for trigger in spec["triggers"]:
                    if "authenticationRef" in trigger:
                        yield (
                            document,
                            "TriggerAuthentication",
                            trigger["authenticationRef"]["name"],
                        )
            case "WorkerResourceTemplate":
                yield document, "WorkerDeployment", spec["workerDeploymentRef"]["name"]
            case "WorkerDeployment":
                yield document, "Connection", spec["workerOptions"]["connectionRef"]["name"]
