"""Each activity slot finds a connection to Postgres."""

from collections.abc import Iterator

from deploy.checks.findings import Finding
from deploy.checks.manifests import Rendering
from deploy.checks.workloads import SPECS, environment, tuning_in
from temporal_common.errors import SettingsError
from temporal_common.settings import load
from tenant_catalog.settings import DatabaseSettings


def check(rendering: Rendering) -> Iterator[Finding]:
    for worker in rendering.workers():
        if worker.name not in SPECS:
            continue  # settings.py says so
        variables = worker.environment()
        try:
            slots = tuning_in(SPECS[worker.name], variables).max_concurrent_activities
            with environment(variables):
                pool = load(DatabaseSettings).pool_size or slots
        except SettingsError:
            continue  # settings.py says so
        if pool < slots:
            yield worker.finding(
                f"DATABASE_POOL_SIZE is {pool}, below the {slots} activities that run at once; "
                "they would wait for each other and time out",
                "raise it to WORKER_MAX_CONCURRENT_ACTIVITIES, or lower that",
            )
