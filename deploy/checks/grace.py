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
        needed = (tuning.longest_stop + RESERVE).total_seconds()
        given = worker.spec.get("terminationGracePeriodSeconds", _KUBERNETES_DEFAULT)
        if given < needed:
            yield worker.finding(
                f"terminationGracePeriodSeconds is {given}, stopping may take {needed:g} s: drain "
                f"limit {tuning.graceful_shutdown_timeout:g} + hard deadline "
                f"{HARD_DEADLINE_MARGIN.seconds} + {RESERVE.seconds}",
                "raise it, or lower WORKER_GRACEFUL_SHUTDOWN_TIMEOUT",
            )
        elif (believed := tuning.termination_grace_period) not in (None, given):
            yield worker.finding(
                f"terminationGracePeriodSeconds is {given}, and the process believes {believed:g}",
                "set WORKER_TERMINATION_GRACE_PERIOD to the same number of seconds",
            )
