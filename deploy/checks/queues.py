"""KEDA watches exactly the task queues that the worker serves, for any number of shards."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from deploy.checks.findings import Finding
from deploy.checks.manifests import Document, Rendering
from deploy.checks.workloads import SPECS, layout_in
from temporal_common.errors import SettingsError
from temporal_common.queues import QueueLayout
from temporal_common.worker import WorkerSpec

QUEUE_TYPES: Final = ("workflow", "activity")
_LAYOUT_NAMES: Final = ("TEMPORAL_QUEUE_PREFIX", "TEMPORAL_QUEUE_SHARDS")


def wanted(spec: WorkerSpec, layout: QueueLayout) -> list[tuple[str, str]]:
    """Each task queue of a workload with each of its types, by shard."""
    return [(q.name, kind) for q in layout.task_queues(spec.kind) for kind in QUEUE_TYPES]


def check(rendering: Rendering) -> Iterator[Finding]:
    yield from _one_layout(rendering)
    for worker in rendering.workers():
        if worker.name not in SPECS:
            continue  # settings.py says so
        try:
            layout = layout_in(worker.environment())
        except SettingsError:
            continue  # settings.py says so
        expected = wanted(SPECS[worker.name], layout)
        for scaled in rendering.of_kind("ScaledObject"):
            if scaled["spec"]["scaleTargetRef"]["name"] == worker.name:
                yield from _triggers(rendering, scaled, expected)


def _one_layout(rendering: Rendering) -> Iterator[Finding]:
    for name in _LAYOUT_NAMES:
        values = {worker.name: worker.environment().get(name) for worker in rendering.workers()}
        if len(set(values.values())) > 1:
            yield Finding(
                rendering.name,
                "ConfigMap",
                f"{name} differs: {', '.join(f'{k} {v}' for k, v in sorted(values.items()))}",
                "set it in the overlay's fleet.env, which both workers share",
            )


def _triggers(
    rendering: Rendering, scaled: Document, expected: list[tuple[str, str]]
) -> Iterator[Finding]:
    again = "run ./pants run deploy:keda-triggers for this overlay"
    metadata = [
        trigger["metadata"]
        for trigger in scaled["spec"]["triggers"]
        if trigger["type"] == "temporal"
    ]
    found = Counter((entry.get("taskQueue"), entry.get("queueTypes")) for entry in metadata)
    for queue, kind in expected:
        if found[queue, kind] != 1:
            yield rendering.finding(
                scaled,
                f"{found[queue, kind]} triggers for the {kind} tasks of {queue}, not 1",
                again,
            )
    for queue, kind in sorted(set(found) - set(expected), key=str):
        yield rendering.finding(
            scaled,
            f"a trigger for {kind} tasks of {queue}, which this worker does not serve",
            again,
        )
    if scaled["spec"].get("minReplicaCount", 0) < 1:
        yield rendering.finding(
            scaled, "it may scale to zero, where an idle queue reports no backlog", "keep one"
        )
