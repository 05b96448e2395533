"""Checkov's policies for Kubernetes, offline; what is skipped says why."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from deploy.checks.findings import Outcome
from deploy.checks.manifests import Document, Rendering
from deploy.checks.tools import how_to_get, write_objects

TOOL: Final = "checkov"

SKIPPED: Final = {
    "CKV2_K8S_6": "wants a NetworkPolicy for every pod; here that is a component, which some "
    "combinations lack, and reachability.py checks it where it is",
}
"""For all objects. A skip of one object is its annotation `checkov.io/skipN: ID=reason`."""

_ANNOTATION: Final = "checkov.io/skip"


def check(objects: Iterable[tuple[Rendering, Document]], tool: str | None) -> Outcome:
    outcome = Outcome("policies: checkov, offline")
    if tool is None:
        outcome.not_checked = how_to_get(TOOL)
        return outcome
    objects = list(objects)
    _skips_have_reasons(objects, outcome)
    with tempfile.TemporaryDirectory() as folder:
        written = write_objects(Path(folder), objects)
        outcome.looked_at = len(written)
        done = subprocess.run(
            [
                tool, "--directory", folder, "--framework", "kubernetes", "--compact", "--quiet",
                "--skip-download", "--skip-check", ",".join(SKIPPED), "--output", "json",
            ],
            capture_output=True, text=True, check=False,
            # Neither its platform nor a newer version is asked for.
            env={**os.environ, "CHECKOV_RUN_SCA_PACKAGE_SCAN": "false", "LOG_LEVEL": "ERROR"},
        )  # fmt: skip
    try:
        failed = json.loads(done.stdout)["results"]["failed_checks"]
    except (ValueError, KeyError, TypeError):
        outcome.not_checked = f"{TOOL} failed: {' '.join(done.stderr.split())[-300:]}"
        return outcome
    for entry in failed:
        rendering, document = written[Path(entry["file_path"]).name]
        outcome.findings.append(
            rendering.finding(
                document,
                f"{entry['check_id']}: {entry['check_name']}",
                f"mend it, or annotate it {_ANNOTATION}1: {entry['check_id']}=REASON",
            )
        )
    return outcome


def _skips_have_reasons(objects: Iterable[tuple[Rendering, Document]], outcome: Outcome) -> None:
    for rendering, document in objects:
        for name, value in (document["metadata"].get("annotations") or {}).items():
            if name.startswith(_ANNOTATION) and len(value.partition("=")[2].split()) < 4:
                outcome.findings.append(
                    rendering.finding(
                        document,
                        f"{name}: {value} gives no reason",
                        "write ID=why it is right here",
                    )
                )
