"""One owner of the number of replicas, and a target on slots that the slots can reach."""

from collections.abc import Iterator
from typing import Final

from deploy.checks.findings import Finding
from deploy.checks.manifests import Document, Rendering
from deploy.checks.workloads import SPECS, tuning_in
from temporal_common.errors import SettingsError

_SLOTS: Final = "fleet_activity_slots_used"


def check(rendering: Rendering) -> Iterator[Finding]:
    recorded = {
        rule.get("record")
        for rules in rendering.of_kind("PrometheusRule")
        for group in rules["spec"]["groups"]
        for rule in group["rules"]
    }
    for worker in rendering.workers():
        autoscalers = [*_autoscalers(rendering, worker.name)]
        if len(autoscalers) > 1:
            yield worker.finding(
                f"{len(autoscalers)} autoscalers would write its replicas",
                "choose one of the components hpa, keda and versioned",
            )
        if autoscalers and "replicas" in worker.document["spec"]:
            yield worker.finding(
                "each `kubectl apply` would undo what the autoscaler did",
                "leave `replicas` out, as the components do",
            )
        for document, scaler in autoscalers:
            for metric in scaler.get("metrics", []):
                if metric["type"] == "Pods":
                    yield from _slots(rendering, document, worker.name, metric["pods"], recorded)


def _autoscalers(rendering: Rendering, name: str) -> Iterator[tuple[Document, Document]]:
    """Each object that scales this worker, with the spec of the autoscaler that it is or makes."""
    for document in rendering.of_kind("HorizontalPodAutoscaler", "ScaledObject"):
        if document["spec"]["scaleTargetRef"]["name"] == name:
            yield document, document["spec"]
    for document in rendering.of_kind("WorkerResourceTemplate"):
        template = document["spec"]["template"]
        is_scaler = template["kind"] in ("HorizontalPodAutoscaler", "ScaledObject")
        if is_scaler and document["spec"]["workerDeploymentRef"]["name"] == name:
            yield document, template["spec"]


def _slots(
    rendering: Rendering, document: Document, name: str, pods: Document, recorded: set[str]
) -> Iterator[Finding]:
    metric = pods["metric"]["name"]
    if metric not in recorded:
        yield rendering.finding(
            document, f"no PrometheusRule records {metric}", "correct the name on one side"
        )
    if metric != _SLOTS or name not in SPECS:
        return
    worker = next(worker for worker in rendering.workers() if worker.name == name)
    try:
        slots = tuning_in(SPECS[name], worker.environment()).max_concurrent_activities
    except SettingsError:
        return  # settings.py says so
    target = float(pods["target"]["averageValue"])
    if not 0 < target < slots:
        yield rendering.finding(
            document,
            f"it adds a pod above {target:g} used slots, and a pod has {slots}",
            "set the target to about three quarters of WORKER_MAX_CONCURRENT_ACTIVITIES",
        )
