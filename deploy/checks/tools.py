"""Checkers that are programs of their own, and the distinct objects that they get to see."""

import json
import shutil
from collections.abc import Iterable, Iterator
from copy import deepcopy
from pathlib import Path

import yaml

from deploy.checks.manifests import Document, Rendering


def find_tool(name: str, dist: Path) -> str | None:
    """What `./pants package deploy` made, or else what is on PATH."""
    packaged = dist / f"{name}.pex"
    return str(packaged) if packaged.is_file() else shutil.which(name)


def how_to_get(name: str) -> str:
    return f"{name} is not there: ./pants package deploy:{name} puts it into dist/"


def distinct(renderings: Iterable[Rendering]) -> Iterator[tuple[Rendering, Document]]:
    """Each different object once, with the first rendering that has it: most combinations share
    most of their objects."""
    seen = set()
    for rendering in renderings:
        for document in rendering.documents:
            text = json.dumps(document, sort_keys=True)
            if text not in seen:
                seen.add(text)
                yield rendering, document


def stand_in(document: Document) -> Document | None:
    """A custom resource as the built-in object that its controller makes of it; None for no such.

    Tools know the built-in kinds only, and would pass the pod template over.
    """
    spec = document.get("spec") or {}
    made: Document | None = None
    if document["kind"] == "WorkerDeployment":
        labels = spec["template"]["metadata"]["labels"]
        made = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": deepcopy(document["metadata"]),
            "spec": {
                "selector": {"matchLabels": labels},
                "template": deepcopy(spec["template"]),
            },
        }
    elif document["kind"] == "WorkerResourceTemplate":
        name = spec["workerDeploymentRef"]["name"]
        made = deepcopy(spec["template"])
        made["metadata"] = {"name": document["metadata"]["name"]}
        made["spec"]["scaleTargetRef"] = {
            "apiVersion": "apps/v1", "kind": "Deployment", "name": name,
        }  # fmt: skip
    return made


def write_objects(
    folder: Path, objects: Iterable[tuple[Rendering, Document]]
) -> dict[str, tuple[Rendering, Document]]:
    """One file for each object; gives what is in it, by the file's name."""
    written = {}
    for number, (rendering, document) in enumerate(objects):
        name = f"{number:04d}.yaml"
        (folder / name).write_text(yaml.safe_dump(stand_in(document) or document))
        written[name] = rendering, document
    return written
