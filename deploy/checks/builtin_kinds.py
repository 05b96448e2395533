"""Built-in kinds against the schemas of Kubernetes, strictly: by kubernetes-validate."""

import re
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from deploy.checks.findings import Outcome
from deploy.checks.manifests import Document, Rendering
from deploy.checks.tools import how_to_get, stand_in, write_objects

TOOL: Final = "kubernetes-validate"
_LINE: Final = re.compile(r"ERROR \S*?(?P<file>\d{4}\.yaml) did not validate .*?: (?P<problem>.*)")
_BUILT_IN: Final = re.compile(r"v1|(apps|batch|policy|autoscaling)/\w+|[a-z.]+\.k8s\.io/\w+")


def is_built_in(document: Document) -> bool:
    return bool(_BUILT_IN.fullmatch(document.get("apiVersion", "")))


def check(objects: Iterable[tuple[Rendering, Document]], tool: str | None) -> Outcome:
    """All objects in one call: the tool takes a second to read its schemas."""
    outcome = Outcome("built-in kinds: kubernetes-validate --strict")
    if tool is None:
        outcome.not_checked = how_to_get(TOOL)
        return outcome
    with tempfile.TemporaryDirectory() as folder:
        mine = [
            (rendering, document)
            for rendering, document in objects
            if is_built_in(document) or stand_in(document)
        ]
        written = write_objects(Path(folder), mine)
        outcome.looked_at = len(written)
        done = subprocess.run(
            [tool, "--strict", "--quiet", "--no-warn", *sorted(written)],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
    for line in (done.stdout + done.stderr).splitlines():
        if match := _LINE.search(line):
            rendering, document = written[match["file"]]
            outcome.findings.append(
                rendering.finding(document, match["problem"], "correct the field")
            )
    if done.returncode and not outcome.findings:
        outcome.not_checked = f"{TOOL} failed: {' '.join(done.stderr.split())[-300:]}"
    return outcome
