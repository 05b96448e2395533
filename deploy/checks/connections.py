"""With the worker controller, its own connection and that of the settings are the same.

The controller overrides TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE in every container.
"""

from collections.abc import Iterator

from deploy.checks.findings import Finding
from deploy.checks.manifests import Rendering


def check(rendering: Rendering) -> Iterator[Finding]:
    for worker in rendering.workers():
        if worker.document["kind"] != "WorkerDeployment":
            continue
        options = worker.document["spec"]["workerOptions"]
        connection = rendering.named("Connection", options["connectionRef"]["name"])
        variables = worker.environment()
        pairs = {
            "TEMPORAL_NAMESPACE": options["temporalNamespace"],
            "TEMPORAL_ADDRESS": (connection or {}).get("spec", {}).get("hostPort"),
        }
        for name, theirs in pairs.items():
            if variables.get(name) != theirs:
                yield worker.finding(
                    f"{name} is {variables.get(name)}, the controller would make it {theirs}",
                    "patch Connection and WorkerDeployment in the overlay (components/versioned)",
                )
        sign_in = {"apiKeySecretRef", "mutualTLSSecretRef"} & set((connection or {})["spec"])
        ours = {"TEMPORAL_CONFIG_FILE", "TEMPORAL_TLS_CLIENT_CERT_PATH"} & set(variables)
        if bool(sign_in) != bool(ours):
            yield worker.finding(
                "only one of worker and controller signs in to Temporal",
                "list the component cloud after versioned",
            )
