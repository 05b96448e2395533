"""The tuning goes together, as each service asks at its start: slots, pool, polls, queues."""

from collections.abc import Iterator

from deploy.checks.findings import Finding
from deploy.checks.manifests import Rendering, Worker
from deploy.checks.workloads import SPECS, environment, layout_in, tuning_in
from temporal_common.errors import SettingsError
from temporal_common.settings import ShardSettings, load
from temporal_common.tuning_checks import tuning_findings
from temporal_common.worker import WorkerSpec


def check(rendering: Rendering) -> Iterator[Finding]:
    for worker in rendering.workers():
        if worker.name not in SPECS:
            continue  # settings.py says so
        try:
            yield from _findings(worker, SPECS[worker.name])
        except SettingsError:
            continue  # settings.py says so


def _findings(worker: Worker, spec: WorkerSpec) -> Iterator[Finding]:
    variables = worker.environment()
    layout = layout_in(variables)
    with environment(variables):
        pool_size = spec.pool_size(spec.settings())
        part = load(ShardSettings).shards
    for line in tuning_findings(
        tuning_in(spec, variables),
        pool_size=pool_size,
        queues=layout.shards_of(spec.kind),
        versioned=worker.document["kind"] == "WorkerDeployment",
    ):
        yield worker.finding(f"the service refuses to start: {line}", "mend it in the overlay")
    unserved = set(range(layout.shards)) - set(part.shards(layout.shards))
    if spec.kind.sharded and unserved:
        yield worker.finding(
            f"WORKER_SHARDS={part} leaves {len(unserved)} of {layout.shards} shards to nobody: "
            f"{worker.name} is one Deployment, and serves them all",
            "set it to all",
        )
