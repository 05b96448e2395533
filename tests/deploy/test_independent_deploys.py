"""What a release or a setting of one worker changes in the cluster: that worker and no other."""

import shutil
from collections.abc import Callable
from pathlib import Path

from deploy.checks.manifests import Rendering
from deploy.checks.render import render

Overlay = Callable[[str], Rendering]


def _changed(tmp_path: Path, k8s: Path, file: str, old: str, new: str) -> Rendering:
    """Production, rendered after one edit of one file."""
    copy = tmp_path / "k8s"
    shutil.copytree(k8s, copy)
    text = (copy / file).read_text()
    assert old in text
    (copy / file).write_text(text.replace(old, new, 1))
    return render(copy / "overlays" / "production", "overlays/production")


def _rolled(before: Rendering, after: Rendering) -> set[str]:
    """The workers whose pod template differs: those that Kubernetes would roll."""
    old = {worker.name: worker.spec for worker in before.workers()}
    return {worker.name for worker in after.workers() if worker.spec != old[worker.name]}


def test_a_release_of_one_worker_rolls_that_worker(
    tmp_path: Path, k8s: Path, overlay: Overlay
) -> None:
    jobs = "fleet/worker-jobs\n    newTag: "
    after = _changed(
        tmp_path, k8s, "overlays/production/kustomization.yaml", f"{jobs}0.1.0", f"{jobs}0.1.1"
    )
    assert _rolled(overlay("production"), after) == {"worker-jobs"}


def test_a_setting_of_one_worker_rolls_that_worker(
    tmp_path: Path, k8s: Path, overlay: Overlay
) -> None:
    after = _changed(
        tmp_path, k8s, "base/worker-tenant/settings.env", "SMTP_TIMEOUT=10", "SMTP_TIMEOUT=15"
    )
    assert _rolled(overlay("production"), after) == {"worker-tenant"}


def test_a_setting_of_the_fleet_rolls_both(tmp_path: Path, k8s: Path, overlay: Overlay) -> None:
    after = _changed(
        tmp_path, k8s, "overlays/production/fleet.env", "TEMPORAL_QUEUE_SHARDS=4",
        "TEMPORAL_QUEUE_SHARDS=3",
    )  # fmt: skip
    assert _rolled(overlay("production"), after) == {"worker-tenant", "worker-jobs"}


def test_a_scaling_rule_rolls_nothing(tmp_path: Path, k8s: Path, overlay: Overlay) -> None:
    after = _changed(
        tmp_path, k8s, "components/keda/scaledobject-worker-jobs.yaml", "maxReplicaCount: 4",
        "maxReplicaCount: 6",
    )  # fmt: skip
    assert _rolled(overlay("production"), after) == set()
