"""kubernetes-validate and checkov, the real programs, on planted faults."""

from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.checks import builtin_kinds, policies
from deploy.checks.findings import Outcome
from deploy.checks.manifests import Document, Rendering
from deploy.checks.tools import distinct, find_tool
from tests.support.planting import only, the, worker

Combine = Callable[..., Rendering]


def _tool(name: str) -> str:
    tool = find_tool(name, Path.cwd())  # where Pants puts it for a test
    assert tool is not None, f"{name}: run this test by ./pants test"
    return tool


def _objects(rendering: Rendering, *kinds: str) -> list[tuple[Rendering, Document]]:
    return [(r, d) for r, d in distinct([rendering]) if d["kind"] in kinds]


def test_a_misspelt_field_of_a_built_in_kind(combination: Combine) -> None:
    rendering = combination("hpa")
    worker(rendering).document["spec"]["replicaz"] = 2
    outcome = builtin_kinds.check(
        _objects(rendering, "Deployment", "PodDisruptionBudget"), _tool("kubernetes-validate")
    )
    assert outcome.looked_at == 4
    assert "'replicaz' was unexpected" in only(outcome.findings)


def test_the_pod_template_and_the_autoscaler_within_custom_kinds_are_validated(
    combination: Combine,
) -> None:
    rendering = combination("versioned")
    worker(rendering).container["imagez"] = "x"
    template = the(rendering, "WorkerResourceTemplate")["spec"]["template"]
    template["spec"]["maxReplicaz"] = 3
    outcome = builtin_kinds.check(
        _objects(rendering, "WorkerDeployment", "WorkerResourceTemplate"),
        _tool("kubernetes-validate"),
    )
    problems = sorted(finding.what for finding in outcome.findings)
    assert problems == ["WorkerDeployment/worker-tenant", "WorkerResourceTemplate/worker-tenant"]


@pytest.mark.timeout(150)
def test_a_policy_that_is_broken_and_a_skip_without_a_reason(combination: Combine) -> None:
    rendering = combination("versioned")
    worker(rendering).spec["hostNetwork"] = True
    jobs = worker(rendering, "worker-jobs").document["metadata"]["annotations"]
    jobs["checkov.io/skip1"] = "CKV_K8S_15=later"
    outcome = policies.check(_objects(rendering, "WorkerDeployment"), _tool("checkov"))
    lines = [str(finding) for finding in outcome.findings]
    assert any("worker-tenant: CKV_K8S_19" in line for line in lines), lines
    assert any("worker-jobs: checkov.io/skip1" in line for line in lines), lines
    assert len(lines) == 2


@pytest.mark.parametrize("check", [builtin_kinds.check, policies.check])
def test_without_its_tool_a_check_says_how_to_get_it(
    check: Callable[..., Outcome], combination: Combine
) -> None:
    outcome = check(distinct([combination()]), None)
    assert outcome.findings == []
    assert "./pants package deploy:" in outcome.not_checked
