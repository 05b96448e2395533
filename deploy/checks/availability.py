"""Rolling out and draining nodes lose no worker: surge, disruption budget, spread, resources."""

from collections.abc import Iterator

from deploy.checks.findings import Finding
from deploy.checks.manifests import Rendering, Worker, selects


def check(rendering: Rendering) -> Iterator[Finding]:
    for worker in rendering.workers():
        if worker.document["kind"] == "Deployment":
            yield from _rollout(worker)
        yield from _budget(worker)
        topologies = {
            constraint["topologyKey"]
            for constraint in worker.spec.get("topologySpreadConstraints") or []
        }
        if "kubernetes.io/hostname" not in topologies:
            yield worker.finding("all replicas may share a node", "spread over the hostname")
        resources = worker.container.get("resources") or {}
        for bound in ("requests", "limits"):
            for resource in ("cpu", "memory"):
                if resource not in (resources.get(bound) or {}):
                    yield worker.finding(f"no {bound} of {resource}", "state how much it takes")


def _rollout(worker: Worker) -> Iterator[Finding]:
    strategy = worker.document["spec"].get("strategy") or {}
    rolling = strategy.get("rollingUpdate") or {}
    if strategy.get("type") != "RollingUpdate" or str(rolling.get("maxUnavailable")) != "0":
        yield worker.finding(
            "a rollout stops a worker before its successor polls",
            "use RollingUpdate with maxUnavailable: 0",
        )


def _budget(worker: Worker) -> Iterator[Finding]:
    budgets = [
        budget["spec"]
        for budget in worker.rendering.of_kind("PodDisruptionBudget")
        if selects(budget["spec"]["selector"], worker.pod_labels)
    ]
    if len(budgets) != 1:
        yield worker.finding(
            f"{len(budgets)} PodDisruptionBudgets select it", "give it one, and one only"
        )
    for budget in budgets:
        if budget.get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
            yield worker.finding(
                "pods that are not ready block the drain of their node",
                "set unhealthyPodEvictionPolicy: AlwaysAllow in its PodDisruptionBudget",
            )
