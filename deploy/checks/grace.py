"""A pod gets more time to stop than its process may take, or SIGKILL cuts running work off."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from deploy.checks.findings import Finding
from deploy.checks.manifests import Rendering
from deploy.checks.workloads import SPECS, tuning_in
from temporal_common.errors import SettingsError
from temporal_common.tuning import HARD_DEADLINE_MARGIN

RESERVE: Final = timedelta(seconds=5)
"""For the kubelet and the container runtime around the process."""
_KUBERNETES_DEFAULT: Final = 30


def check(rendering: Rendering) -> Iterator[Finding]:
    for worker in rendering.workers():
        if worker.name not in SPECS:
            continue  # settings.py says so
        try:
            tuning = tuning_in(SPECS[worker.name], worker.environment())
        except SettingsError:
            continue  # settings.py says so
        drain = tuning.drain_limit
        needed = (tuning.longest_stop + RESERVE).total_seconds()
        given = worker.spec.get("terminationGracePeriodSeconds", _KUBERNETES_DEFAULT)
        if tuning.termination_grace_period != given:
            yield worker.finding(
                f"WORKER_TERMINATION_GRACE_PERIOD is {tuning.termination_grace_period}, and "
                f"terminationGracePeriodSeconds {given}",
                "let the setting say what the pod has, so that the service can check its drain",
            )
        if given < needed:
            yield worker.finding(
                f"terminationGracePeriodSeconds is {given}, stopping may take {needed:g} s: drain "
                f"limit {drain.total_seconds():g} + hard deadline {HARD_DEADLINE_MARGIN.seconds} + "
                f"{RESERVE.seconds}",
                "raise it, or lower WORKER_GRACEFUL_SHUTDOWN_TIMEOUT",
            )
