"""Images are those that the BUILD files make, under a tag that says which one."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.checks.findings import Finding
from deploy.checks.manifests import Rendering, containers

NO_TARGETS = "no docker_image target in services/*/BUILD, so image names were compared with nothing"


@dataclass(frozen=True)
class BuiltImage:
    """A `docker_image` target."""

    repository: str
    tags: tuple[str, ...]
    """As they are without any option or variable; empty where that cannot be told."""


def built_images(root: Path) -> dict[str, BuiltImage]:
    """The images of services/*/BUILD, by the repository's name. BUILD files are Python."""
    found = {}
    for path in sorted((root / "services").glob("*/BUILD")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "docker_image":
                arguments = {keyword.arg: keyword.value for keyword in node.keywords}
                repository = _literal(arguments.get("repository")) or [path.parent.name]
                defaults = _default_arguments(path.parent / "Dockerfile")
                tags = [_filled(tag, defaults) for tag in _literal(arguments.get("image_tags"))]
                tags = [tag for tag in tags if "{" not in tag]
                found[repository[0]] = BuiltImage(repository[0], tuple(tags))
    return found


def _default_arguments(dockerfile: Path) -> dict[str, str]:
    """`ARG NAME=value`, which Pants puts into a tag as {build_args.NAME}."""
    text = dockerfile.read_text() if dockerfile.is_file() else ""
    return dict(re.findall(r"^ARG +(\w+)=(\S+)", text, re.MULTILINE))


def _filled(tag: str, arguments: dict[str, str]) -> str:
    return re.sub(r"\{build_args\.(\w+)\}", lambda match: arguments.get(match[1], match[0]), tag)


def _literal(node: ast.expr | None) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.List | ast.Tuple):
        return [text for element in node.elts for text in _literal(element)]
    return []


def split(reference: str) -> tuple[str, str, str]:
    """Name, tag and digest of an image reference; tag and digest may be empty."""
    name, _, digest = reference.partition("@")
    head, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:  # a colon before the last slash is a registry's port
        return name, "", digest
    return head, tag, digest


def check(rendering: Rendering, built: dict[str, BuiltImage]) -> Iterator[Finding]:
    for document, spec in rendering.pods():
        for container in containers(spec):
            _, tag, digest = split(container["image"])
            if not digest and tag in ("", "latest"):
                yield rendering.finding(
                    document,
                    f"image {container['image']} is another one tomorrow",
                    "give a version's tag or a digest under `images:` of the overlay",
                )
    for worker in rendering.workers() if built else []:
        name, tag, digest = split(worker.container["image"])
        repository = name.rpartition("/")[2]
        if repository not in built or repository != worker.name:
            yield worker.finding(
                f"image {name} is not built here as {worker.name}",
                f"name it one of {', '.join(built)}",
            )
        elif name == repository and not digest and not _is_built(tag, built[repository]):
            yield worker.finding(
                f"./pants package makes no {name}:{tag}, and no registry is named to pull it from",
                f"use one of the tags {', '.join(built[repository].tags)}",
            )


def _is_built(tag: str, image: BuiltImage) -> bool:
    return tag == "checked" or not image.tags or tag in image.tags
