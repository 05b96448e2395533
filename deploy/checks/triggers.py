"""KEDA's triggers for the shards that an overlay is set to; kustomize itself has no loops."""

from pathlib import Path
from typing import Any, Final

import yaml

from deploy.checks.queues import wanted
from deploy.checks.render import RenderError, render
from deploy.checks.workloads import SPECS, layout_in

FILE: Final = "keda-triggers.yaml"
TARGET_QUEUE_SIZE: Final = 10
"""Tasks that wait for each replica: KEDA asks for backlog ÷ this many."""
_WORKER: Final = "worker-tenant"
"""The one worker whose queues are sharded."""


def triggers(queues: list[tuple[str, str]]) -> list[dict[str, Any]]:
    return [
        {
            "type": "temporal",
            "authenticationRef": {"name": "temporal"},
            "metadata": {
                # KEDA reads both from the worker's own settings, so that they cannot differ.
                "endpointFromEnv": "TEMPORAL_ADDRESS",
                "namespaceFromEnv": "TEMPORAL_NAMESPACE",
                "taskQueue": queue,
                "queueTypes": kind,
                "targetQueueSize": str(TARGET_QUEUE_SIZE),
            },
        }
        for queue, kind in queues
    ]


def patch_for(overlay: Path) -> str:
    """The patch with the triggers that the overlay's TEMPORAL_QUEUE_… settings ask for.

    Raises:
        RenderError: the overlay does not render, or has no settings of worker-tenant.
        SettingsError: it asks for a layout that cannot be.
    """
    rendering = render(overlay, overlay.name)
    workers = [worker for worker in rendering.workers() if worker.name == _WORKER]
    if not workers:
        raise RenderError(f"{overlay} has no {_WORKER}")
    queues = wanted(SPECS[_WORKER], layout_in(workers[0].environment()))
    patch = [{"op": "replace", "path": "/spec/triggers", "value": triggers(queues)}]
    return (
        f"# Written by `./pants run deploy:keda-triggers -- {overlay.name}` from "
        "TEMPORAL_QUEUE_SHARDS.\n" + yaml.safe_dump(patch, sort_keys=False)
    )
