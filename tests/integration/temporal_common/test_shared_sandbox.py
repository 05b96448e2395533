"""The sandbox shares modules between runs: only where no run can notice, and with all its checks.

Real Workers on a real server, since the SDK's parts that it uses are not public.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs
from temporalio.client import Client, WorkflowFailureError
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import RestrictedWorkflowAccessError

from temporal_common.shared_sandbox import SharedSandboxRunner
from temporal_common.workflow_runner import workflow_runner
from tests.support.sandboxed.caching import Caching
from tests.support.sandboxed.constant import Constant
from tests.support.sandboxed.counting import Counting

Execute = Callable[..., Any]


@asynccontextmanager
async def worker(client: Client, workflow: type) -> AsyncIterator[Execute]:
    """A Worker of one workflow; what is given executes it."""
    queue = f"sandbox-{uuid4().hex}"

    async def execute(*arguments: str) -> Any:
        return await client.execute_workflow(
            workflow.__name__, args=arguments, id=uuid4().hex, task_queue=queue
        )

    async with Worker(
        client,
        task_queue=queue,
        workflows=[workflow],
        workflow_runner=workflow_runner((), versioned=False),
        workflow_failure_exception_types=[RestrictedWorkflowAccessError],
    ):
        yield execute


async def test_runs_of_a_module_of_constants_share_it(temporal_client: Client) -> None:
    with capture_logs() as logged:
        async with worker(temporal_client, Constant) as execute:
            assert [await execute("nothing") for _ in range(3)] == ["2 2"] * 3
    assert logged == []


@pytest.mark.parametrize("fault", ["now", "random", "uuid", "open"])
async def test_shared_modules_are_restricted_as_others(temporal_client: Client, fault: str) -> None:
    async with worker(temporal_client, Constant) as execute:
        assert await execute("nothing") == "2 2"
        with pytest.raises(WorkflowFailureError) as failed:
            await execute(fault)
    assert "Cannot access" in str(failed.value.cause)


@pytest.mark.parametrize(
    ("workflow", "reason"),
    [
        (Counting, "tests.support.sandboxed.counting.Counting.run writes the global _runs"),
        (Caching, "tests.support.sandboxed.caching.twice is a _lru_cache_wrapper"),
    ],
)
async def test_each_run_loads_a_module_with_state_for_itself(
    temporal_client: Client, workflow: type, reason: str
) -> None:
    with capture_logs() as logged:
        async with worker(temporal_client, workflow) as execute:
            assert [await execute() for _ in range(3)] == [1, 1, 1]
    assert [entry["reason"] for entry in logged] == [reason]


async def test_a_module_that_a_run_has_changed_is_not_shared_any_more(
    temporal_client: Client,
) -> None:
    with capture_logs() as logged:
        async with worker(temporal_client, Constant) as execute:
            assert await execute("change a constant") == "2 3"
            assert [await execute("nothing") for _ in range(2)] == ["2 2"] * 2
    assert [entry["name"] for entry in logged] == ["tests.support.sandboxed.constant.OPTIONS"]
    assert [entry["log_level"] for entry in logged] == ["error"]


def test_the_fleet_uses_it() -> None:
    assert isinstance(workflow_runner((), versioned=True), SharedSandboxRunner)
