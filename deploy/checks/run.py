"""All checks over all renderings, and the summary."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from deploy.checks import (
    availability,
    builtin_kinds,
    connections,
    custom_kinds,
    grace,
    images,
    pod_security,
    policies,
    probes,
    queues,
    reachability,
    references,
    scaling,
    secrets,
    settings,
    tuning,
)
from deploy.checks.findings import Finding, Outcome
from deploy.checks.manifests import Rendering
from deploy.checks.render import NO_KUBECTL, kubectl, render_all
from deploy.checks.tools import distinct, find_tool

Check = Callable[[Rendering], Iterator[Finding]]

AGAINST_THE_CODE: Final[dict[str, Check]] = {
    "probes and ports: the health server": probes.check,
    "environment: the settings": settings.check,
    "task queues: KEDA's triggers": queues.check,
    "grace period: the drain limit": grace.check,
    "tuning: what the service asks at its start": tuning.check,
    "autoscalers: the slots": scaling.check,
    "worker controller: the settings": connections.check,
    "network policies: the settings": reachability.check,
}
AMONG_THEMSELVES: Final[dict[str, Check]] = {
    "pod security: restricted": pod_security.check,
    "secrets: none is literal": secrets.check,
    "references: what is named is there": references.check,
    "availability: rollouts and drains": availability.check,
}


@dataclass(frozen=True)
class Options:
    root: Path
    """The repository: deploy/k8s, services/*/BUILD and dist/ are below it."""
    crds: Path | None


def run_checks(options: Options) -> list[Outcome]:
    """Every check; where kubectl is missing, only the outcome that says so."""
    if kubectl() is None:
        return [Outcome("rendering: kubectl kustomize", not_checked=NO_KUBECTL)]
    renderings, refused = render_all(options.root / "deploy" / "k8s")
    outcomes = [Outcome("rendering: kubectl kustomize", len(renderings), refused)]
    objects = list(distinct(renderings))
    dist = options.root / "dist"
    outcomes += [
        builtin_kinds.check(objects, find_tool(builtin_kinds.TOOL, dist)),
        custom_kinds.check(objects, options.crds),
        policies.check(objects, find_tool(policies.TOOL, dist)),
    ]
    built = images.built_images(options.root)
    checks: dict[str, Check] = {
        **AMONG_THEMSELVES,
        **AGAINST_THE_CODE,
        "images: the BUILD files": partial(images.check, built=built),
    }
    outcomes += [_over_all(name, check, renderings) for name, check in checks.items()]
    if not built:
        outcomes[-1].not_checked = images.NO_TARGETS
    return outcomes


def _over_all(name: str, check: Check, renderings: Sequence[Rendering]) -> Outcome:
    """A fault of the base shows in each combination: it is told once, for the first of them."""
    first: dict[tuple[str, str, str], Finding] = {}
    again: dict[tuple[str, str, str], int] = {}
    for rendering in renderings:
        for finding in check(rendering):
            key = (finding.what, finding.problem, finding.mend)
            again[key] = again.get(key, -1) + 1
            first.setdefault(key, finding)
    findings = [
        finding
        if not again[key]
        else Finding(
            f"{finding.where} and {again[key]} more", finding.what, finding.problem, finding.mend
        )
        for key, finding in first.items()
    ]
    return Outcome(name, len(renderings), findings)


def report(outcomes: Sequence[Outcome]) -> str:
    """The findings, one on a line, and then one line for each check."""
    lines = [str(finding) for outcome in outcomes for finding in sorted(outcome.findings)]
    if lines:
        lines.append("")
    width = max(len(outcome.check) for outcome in outcomes)
    for outcome in outcomes:
        if outcome.findings:
            result = f"{len(outcome.findings)} findings"
        elif outcome.not_checked:
            result = "NOT CHECKED"
        else:
            result = "ok"
        count = f"{outcome.looked_at:4d} seen"
        why = f"  {outcome.not_checked}" if outcome.not_checked else ""
        lines.append(f"{outcome.check:{width}}  {count}  {result}{why}")
    return "\n".join(lines)


def exit_code(outcomes: Sequence[Outcome], *, all_required: bool) -> int:
    """1 for findings; for a check that could not run, 1 where all are required or nothing ran."""
    skipped = [outcome for outcome in outcomes if outcome.not_checked]
    nothing_ran = len(skipped) == len(outcomes)
    found = any(outcome.findings for outcome in outcomes)
    return 1 if found or nothing_ran or (all_required and skipped) else 0
