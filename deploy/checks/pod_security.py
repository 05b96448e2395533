"""The Pod Security Standard "restricted", and what we ask of a worker beyond it.

https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""

from collections.abc import Iterator
from typing import Final

from deploy.checks.findings import Finding
from deploy.checks.manifests import Document, Rendering, containers

_HOST_NAMESPACES: Final = ("hostNetwork", "hostPID", "hostIPC")
_VOLUMES: Final = frozenset(
    [
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    ]
)
_PROFILES: Final = ("RuntimeDefault", "Localhost")
_MEND: Final = "take the securityContext of deploy/k8s/base as the model"


def check(rendering: Rendering) -> Iterator[Finding]:
    for document, pod in rendering.pods():
        problems = [*_of_pod(pod)]
        for container in containers(pod):
            problems += [f"{container['name']}: {p}" for p in _of_container(container, pod)]
        for problem in problems:
            yield rendering.finding(document, problem, _MEND)
    for worker in rendering.workers():
        own = worker.container.get("securityContext") or {}
        if own.get("readOnlyRootFilesystem") is not True:
            yield worker.finding("the root file system can be written to", _MEND)
        if worker.spec.get("automountServiceAccountToken") is not False:
            yield worker.finding("it gets a token of the Kubernetes API", _MEND)
        if (worker.spec.get("securityContext") or {}).get("runAsUser") != 10001:
            yield worker.finding("it does not run as 10001, the user of the image", _MEND)
    for namespace in rendering.of_kind("Namespace"):
        labels = namespace["metadata"].get("labels", {})
        if labels.get("pod-security.kubernetes.io/enforce") != "restricted":
            yield rendering.finding(
                namespace,
                "the cluster does not enforce the standard here",
                "label it pod-security.kubernetes.io/enforce: restricted",
            )


def _of_pod(pod: Document) -> Iterator[str]:
    for name in _HOST_NAMESPACES:
        if pod.get(name):
            yield f"{name} is set"
    for volume in pod.get("volumes") or []:
        kinds = set(volume) - {"name"}
        if not kinds <= _VOLUMES:
            yield f"volume {volume['name']} is a {', '.join(sorted(kinds))}"


def _of_container(container: Document, pod: Document) -> Iterator[str]:
    own, shared = container.get("securityContext") or {}, pod.get("securityContext") or {}
    capabilities = own.get("capabilities") or {}
    profile = own.get("seccompProfile") or shared.get("seccompProfile") or {}
    if own.get("privileged"):
        yield "privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation is not false"
    if "ALL" not in (capabilities.get("drop") or []):
        yield "capabilities do not drop ALL"
    if set(capabilities.get("add") or []) - {"NET_BIND_SERVICE"}:
        yield f"capabilities add {', '.join(capabilities['add'])}"
    if own.get("runAsNonRoot", shared.get("runAsNonRoot")) is not True:
        yield "runAsNonRoot is not true"
    if own.get("runAsUser", shared.get("runAsUser")) == 0:
        yield "runAsUser is 0"
    if profile.get("type") not in _PROFILES:
        yield f"seccompProfile is not {' or '.join(_PROFILES)}"
    if own.get("procMount", "Default") != "Default":
        yield "procMount is not Default"
    for port in container.get("ports") or []:
        if port.get("hostPort"):
            yield f"hostPort {port['hostPort']}"
    for handler in ("startupProbe", "livenessProbe", "readinessProbe"):
        for action in ("httpGet", "tcpSocket"):
            if ((container.get(handler) or {}).get(action) or {}).get("host"):
                yield f"{handler} names a host"
