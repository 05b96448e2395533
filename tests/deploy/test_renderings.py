"""What kubectl renders, and what is said where it cannot."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.checks import render as rendering_module
from deploy.checks.combinations import Combination, components_on_disk, supported
from deploy.checks.manifests import Rendering
from deploy.checks.render import NO_KUBECTL, RenderError, overlays, render_all, render_combination
from deploy.checks.run import AGAINST_THE_CODE, AMONG_THEMSELVES, Options, exit_code, run_checks


def test_there_are_three_overlays(k8s: Path) -> None:
    assert [path.name for path in overlays(k8s)] == ["dev", "production", "staging"]


def test_every_component_is_in_a_supported_combination(k8s: Path) -> None:
    combined = {component for combination in supported() for component in combination.components}
    assert components_on_disk(k8s) == combined


def test_no_combination_has_two_owners_of_the_replicas() -> None:
    for combination in supported():
        assert len({"hpa", "keda", "versioned"} & set(combination.components)) <= 1


@pytest.mark.parametrize("name", ["dev", "staging", "production"])
def test_an_overlay_passes_every_check(name: str, overlay: Callable[[str], Rendering]) -> None:
    rendering = overlay(name)
    checks = {**AMONG_THEMSELVES, **AGAINST_THE_CODE}
    assert [str(f) for check in checks.values() for f in check(rendering)] == []


@pytest.mark.parametrize("scaling", ["hpa", "keda", "versioned"])
@pytest.mark.parametrize("cloud", ["cloud/api-key", "cloud/mtls"])
def test_everything_at_once_passes_every_check(
    scaling: str, cloud: str, combination: Callable[..., Rendering]
) -> None:
    rendering = combination(scaling, "network-policy", "hardening", "tracing", cloud)
    checks = {**AMONG_THEMSELVES, **AGAINST_THE_CODE}
    assert [str(f) for check in checks.values() for f in check(rendering)] == []


def test_versioned_leaves_no_deployment_and_no_autoscaler_of_its_own(
    combination: Callable[..., Rendering],
) -> None:
    rendering = combination("versioned")
    assert rendering.of_kind("Deployment", "HorizontalPodAutoscaler") == []
    assert len(rendering.of_kind("WorkerDeployment")) == 2
    assert len(rendering.of_kind("WorkerResourceTemplate")) == 2


def test_dev_needs_nothing_that_a_fresh_cluster_has_not(
    overlay: Callable[[str], Rendering],
) -> None:
    rendering = overlay("dev")
    built_in = ("v1", "apps/v1", "policy/v1", "networking.k8s.io/v1")
    assert {document["apiVersion"] for document in rendering.documents} <= set(built_in)
    secrets = [
        volume for _, pod in rendering.pods() for volume in pod["volumes"] if "secret" in volume
    ]
    assert secrets == []


def test_a_component_that_kubectl_refuses_is_a_finding_of_each_combination_with_it(
    k8s: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "k8s"
    shutil.copytree(k8s, copy)
    (copy / "components" / "tracing" / "kustomization.yaml").write_text("kind: Componentz\n")
    with_tracing = Combination(("tracing",))
    monkeypatch.setattr(rendering_module, "supported", lambda: iter([with_tracing]))
    monkeypatch.setattr(rendering_module, "overlays", lambda _k8s: [])
    renderings, findings = render_all(copy)
    assert renderings == []
    assert any(finding.where == "base+tracing" for finding in findings)


def test_without_kubectl_the_check_says_how_to_get_it(
    k8s: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RenderError, match="kubectl is not on PATH"):
        render_combination(k8s, Combination(()))
    outcomes = run_checks(Options(k8s.parent.parent, None))
    assert [outcome.not_checked for outcome in outcomes] == [NO_KUBECTL]
    assert exit_code(outcomes, all_required=False) == 1
