"""Rendering by `kubectl kustomize`: every overlay, and every supported combination."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import yaml

from deploy.checks.combinations import Combination, components_on_disk, supported
from deploy.checks.findings import Finding
from deploy.checks.manifests import Rendering, parse

NO_KUBECTL: Final = (
    "kubectl is not on PATH; it renders the manifests and needs no cluster: "
    "https://kubernetes.io/docs/tasks/tools/ (apt, dnf, brew and winget have it), 1.27 or newer"
)
_BASES: Final = ("worker-tenant", "worker-jobs")


class RenderError(Exception):
    """kubectl refused a kustomization; its own words, on one line."""


def kubectl() -> str | None:
    """The path of kubectl, or None."""
    return shutil.which("kubectl")


def render(folder: Path, name: str) -> Rendering:
    """One kustomization.

    Raises:
        RenderError: kubectl is not there, or refuses it.
    """
    program = kubectl()
    if program is None:
        raise RenderError(NO_KUBECTL)
    done = subprocess.run(
        [program, "kustomize", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RenderError(" ".join(done.stderr.split()))
    return parse(name, done.stdout)


def render_combination(k8s: Path, combination: Combination) -> Rendering:
    """Both bases under a set of components, in a namespace and with image tags of no account.

    Raises:
        RenderError: kubectl is not there, or refuses it.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        up = os.path.relpath(k8s.resolve(), folder)  # kustomize takes no absolute path
        kustomization = {
            "namespace": "fleet",
            "resources": [f"{up}/base/{base}" for base in _BASES],
            "components": [f"{up}/components/{name}" for name in combination.components],
            "images": [{"name": base, "newTag": "checked"} for base in _BASES],
        }
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
        return render(folder, combination.name)


def overlays(k8s: Path) -> list[Path]:
    return sorted(path.parent for path in (k8s / "overlays").glob("*/kustomization.yaml"))


def render_all(k8s: Path) -> tuple[list[Rendering], list[Finding]]:
    """All overlays and combinations, and a finding for each that kubectl refuses."""
    jobs = [(f"overlays/{path.name}", path) for path in overlays(k8s)]
    with ThreadPoolExecutor(max_workers=2) as pool:
        pending = [(name, pool.submit(render, path, name)) for name, path in jobs]
        pending += [
            (combination.name, pool.submit(render_combination, k8s, combination))
            for combination in supported()
        ]
        renderings, findings = [], list(_components_in_no_combination(k8s))
        for name, future in pending:
            try:
                renderings.append(future.result())
            except RenderError as error:
                findings.append(
                    Finding(name, "kustomization.yaml", str(error), "mend what kubectl names")
                )
    return renderings, findings


def _components_in_no_combination(k8s: Path) -> Iterator[Finding]:
    combined = {component for combination in supported() for component in combination.components}
    for component in sorted(components_on_disk(k8s) - combined):
        yield Finding(
            f"components/{component}",
            "kustomization.yaml",
            "no supported combination has this component",
            "add it to deploy/checks/combinations.py",
        )
