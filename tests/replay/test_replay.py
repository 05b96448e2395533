"""Runs that are under way when a release comes must go on with its code: recorded ones replay."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError, _Definition

from temporal_common.interceptors import WorkflowInterceptor
from temporal_common.tracing import tracing_interceptor
from temporal_common.worker import WorkerSpec
from temporal_common.workflow_runner import workflow_runner
from tests.support.mutated_workflows import (
    AddedStep,
    AddedTimer,
    LeftOutStep,
    SwappedSteps,
    UnchangedProvisioning,
)
from worker_jobs.worker import WORKER as JOBS
from worker_tenant.worker import WORKER as TENANT

FOLDER = Path(__file__).parent / "histories"
HISTORIES = sorted(FOLDER.glob("*/*.json"))


def name_of(workflow: type) -> str:
    name = _Definition.must_from_class(workflow).name
    assert name is not None
    return name


WORKFLOWS = {name_of(workflow): spec for spec in (TENANT, JOBS) for workflow in spec.workflows}


async def replay(workflow: type, spec: WorkerSpec, history: WorkflowHistory) -> None:
    """Replays with what `create_worker` gives a Worker. Raises NondeterminismError."""
    replayer = Replayer(
        workflows=[workflow],
        workflow_runner=workflow_runner(spec.passed_through, versioned=False),
        data_converter=pydantic_data_converter,
        interceptors=[tracing_interceptor(), WorkflowInterceptor()],
    )
    await replayer.replay_workflow(history)


def history_in(file: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(file.stem, file.read_text())


def test_every_workflow_has_recorded_histories_and_no_other_has() -> None:
    assert {file.parent.name for file in HISTORIES} == set(WORKFLOWS)


@pytest.mark.parametrize("file", HISTORIES, ids=lambda file: f"{file.parent.name}-{file.stem}")
async def test_a_recorded_run_replays(file: Path) -> None:
    spec = WORKFLOWS[file.parent.name]
    [workflow] = [each for each in spec.workflows if name_of(each) == file.parent.name]
    await replay(workflow, spec, history_in(file))


@pytest.mark.parametrize(
    ("workflow", "case"),
    [
        (AddedStep, "success"),
        (AddedStep, "taken_back"),
        (SwappedSteps, "deleted"),
        (LeftOutStep, "verified"),
        (LeftOutStep, "expired"),
        (AddedTimer, "cleaned_up"),
        (AddedTimer, "continued_as_new"),
    ],
)
async def test_an_edit_that_breaks_runs_under_way_is_seen(workflow: type, case: str) -> None:
    name = name_of(workflow)
    with pytest.raises(NondeterminismError):
        await replay(workflow, WORKFLOWS[name], history_in(FOLDER / name / f"{case}.json"))


async def test_it_is_the_edit_that_is_seen_and_not_the_other_class() -> None:
    name = name_of(UnchangedProvisioning)
    history = history_in(FOLDER / name / "success.json")
    await replay(UnchangedProvisioning, WORKFLOWS[name], history)
