"""The tuning of each worker goes together: slots, polls, threads, connections, shards."""

from collections.abc import Iterator

from deploy.checks.findings import Finding
from deploy.checks.manifests import Rendering
from deploy.checks.workloads import SPECS, environment, layout_in, tuning_in
from temporal_common.errors import SettingsError
from temporal_common.tuning_checks import tuning_findings


def check(rendering: Rendering) -> Iterator[Finding]:
    for worker in rendering.workers():
        spec = SPECS.get(worker.name)
        if spec is None:
            continue  # settings.py says so
        variables = worker.environment()
        try:
            with environment(variables):
                pool_size = spec.pool_size(spec.settings())
            found = tuning_findings(
                tuning_in(spec, variables),
                pool_size=pool_size,
                queues=layout_in(variables).shards_of(spec.kind),
                versioned=worker.document["kind"] == "WorkerDeployment",
            )
        except SettingsError:
            continue  # settings.py says so
        for line in found:
            what, _, mend = line.rpartition("; ")
            yield worker.finding(f"the service refuses to start: {what}", mend)
