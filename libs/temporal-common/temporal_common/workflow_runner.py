"""What runs the workflows of a workload, in a Worker and when a history is replayed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from temporalio.common import VersioningBehavior
from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from temporal_common.shared_sandbox import SharedSandboxRunner

# What workflows import beside their own module. Passed through, a module is loaded once for the
# process; otherwise the sandbox executes it again for every workflow run: measured, 2.6 times the
# CPU and 7 times the memory of a cached workflow. Workflow modules themselves stay sandboxed, and
# are shared by runs where that cannot be noticed (`shared_sandbox`).
PASSED_THROUGH: Final = (
    "temporal_common",
    "structlog",
    "opentelemetry",
    "pydantic",
    "pydantic_core",
    "pydantic_settings",
    "annotated_types",
    "typing_extensions",
    "typing_inspection",
)


class UnversionedRunner(UnsandboxedWorkflowRunner):
    """Leaves out the versioning behaviour that a workflow states.

    An unversioned worker that sends it is refused by the server at each workflow task:
    "versioning behavior cannot be specified without deployment options" (server 1.32).
    """

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        unversioned = replace(det.defn, versioning_behavior=VersioningBehavior.UNSPECIFIED)
        return super().create_instance(replace(det, defn=unversioned))


def workflow_runner(passed_through: Sequence[str], *, versioned: bool) -> SandboxedWorkflowRunner:
    """The sandbox, with `PASSED_THROUGH` and further modules passed through."""
    return SharedSandboxRunner(
        SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH, *passed_through),
        runner_class=UnsandboxedWorkflowRunner if versioned else UnversionedRunner,
    )
