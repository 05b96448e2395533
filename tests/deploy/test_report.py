"""What a person sees at the end, and the exit code."""

from pathlib import Path

from deploy.checks.findings import Finding, Outcome
from deploy.checks.manifests import Rendering
from deploy.checks.run import _over_all, exit_code, report

FINDING = Finding("overlays/dev", "Deployment/worker-jobs", "no limits of cpu", "state one")


def test_a_finding_is_one_line_with_the_way_to_mend_it() -> None:
    assert str(FINDING) == "overlays/dev: Deployment/worker-jobs: no limits of cpu; state one"


def test_the_summary_has_a_line_for_each_check() -> None:
    text = report(
        [
            Outcome("pods", 99, [FINDING]),
            Outcome("grace", 99),
            Outcome("policies", 0, not_checked="checkov is not there"),
        ]
    )
    assert text.splitlines() == [
        str(FINDING),
        "",
        "pods        99 seen  1 findings",
        "grace       99 seen  ok",
        "policies     0 seen  NOT CHECKED  checkov is not there",
    ]


def test_the_same_fault_of_many_combinations_is_told_once() -> None:
    renderings = [Rendering(name, ()) for name in ("base", "base+hpa", "base+keda")]
    outcome = _over_all(
        "pods",
        lambda rendering: iter([Finding(rendering.name, "Deployment/x", "wrong", "mend it")]),
        renderings,
    )
    assert [finding.where for finding in outcome.findings] == ["base and 2 more"]


def test_findings_give_exit_code_1() -> None:
    assert exit_code([Outcome("pods", 1, [FINDING])], all_required=False) == 1


def test_a_check_that_could_not_run_fails_only_where_all_are_required() -> None:
    outcomes = [Outcome("pods", 1), Outcome("policies", not_checked="checkov is not there")]
    assert exit_code(outcomes, all_required=False) == 0
    assert exit_code(outcomes, all_required=True) == 1


def test_clean_manifests_give_exit_code_0(tmp_path: Path) -> None:
    assert exit_code([Outcome("pods", 1)], all_required=True) == 0
