"""The lines of workflows and activities, read from the log of a real process.

The process keeps no workflow in its cache: each workflow task replays the history from its start.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from opentelemetry.sdk.trace import TracerProvider
from temporalio.client import Client
from temporalio.contrib.opentelemetry import TracingInterceptor

from dev_servers.temporal_server import TemporalServer
from temporal_common.queues import QueueLayout
from temporal_common.routing import Router
from temporal_common.testing import ServiceProcess, service_process
from tests.support.probe.worker import settings_of
from tests.support.probe.workflows import Plan, Probe
from tests.support.rendezvous import Rendezvous


@asynccontextmanager
async def uncached_probe(
    temporal: TemporalServer, prefix: str, log: Path
) -> AsyncIterator[ServiceProcess]:
    settings = settings_of(temporal.address, prefix, WORKER_MAX_CACHED_WORKFLOWS="0")
    async with service_process("tests.support.probe", settings, log=log) as service:
        yield service


def ids(line: dict[str, Any]) -> dict[str, Any]:
    names = ("workflow_id", "run_id", "task_queue", "tenant", "trace_id")
    return {name: line.get(name) for name in names}


async def test_lines_of_a_workflow_and_its_activity_name_the_work_and_its_trace(
    temporal: TemporalServer,
    temporal_client: Client,
    queue_prefix: str,
    held: Rendezvous,
    tmp_path: Path,
) -> None:
    tracer = TracerProvider().get_tracer("test")
    config = temporal_client.config()
    config["interceptors"] = [TracingInterceptor(tracer)]
    client = Client(**config)
    route = Router(QueueLayout(queue_prefix)).tenant("acme")

    async with uncached_probe(temporal, queue_prefix, tmp_path / "log") as service:
        with tracer.start_as_current_span("the caller") as caller:
            workflow = await client.start_workflow(
                Probe.run, Plan("hold", held.address), id=uuid4().hex, **route.options()
            )
        (await held.arrival()).release("unavailable")
        (await held.arrival()).release()
        await workflow.result()

    events = ("probe begins", "probe begins, plainly", "holding", "activity failed", "probe ends")
    assert [ids(service.logged(event)[0]) for event in events] == [
        {
            "workflow_id": workflow.id,
            "run_id": workflow.result_run_id,
            "task_queue": route.task_queue,
            "tenant": "acme",
            "trace_id": f"{caller.get_span_context().trace_id:032x}",
        }
    ] * len(events)


async def test_a_replay_writes_nothing_again(
    temporal: TemporalServer,
    temporal_client: Client,
    queue_prefix: str,
    held: Rendezvous,
    tmp_path: Path,
) -> None:
    async with uncached_probe(temporal, queue_prefix, tmp_path / "log") as service:
        workflow = await temporal_client.start_workflow(
            Probe.run,
            Plan("hold", held.address, times=2),
            id=uuid4().hex,
            **Router(QueueLayout(queue_prefix)).tenant("acme").options(),
        )
        for _ in range(2):
            (await held.arrival()).release()
        await workflow.result()

    for event in ("probe begins", "probe begins, plainly", "probe ends"):
        assert len(service.logged(event)) == 1, event
    assert "Logging error" not in service.output()


async def test_a_run_that_no_traced_client_started_has_a_trace_of_its_own(
    temporal: TemporalServer,
    temporal_client: Client,
    queue_prefix: str,
    held: Rendezvous,
    tmp_path: Path,
) -> None:
    config = temporal_client.config()
    config["interceptors"] = []
    async with uncached_probe(temporal, queue_prefix, tmp_path / "log") as service:
        workflow = await Client(**config).start_workflow(
            Probe.run,
            Plan("hold", held.address),
            id=uuid4().hex,
            **Router(QueueLayout(queue_prefix)).tenant("acme").options(),
        )
        (await held.arrival()).release()
        await workflow.result()

    events = ("probe begins", "holding", "probe ends")
    traces = {service.logged(event)[0]["trace_id"] for event in events}
    assert traces == {(workflow.result_run_id or "").replace("-", "")}


async def test_a_failed_attempt_is_one_line_with_its_reason_or_for_a_fault_its_traceback(
    temporal: TemporalServer,
    temporal_client: Client,
    queue_prefix: str,
    held: Rendezvous,
    tmp_path: Path,
) -> None:
    async with uncached_probe(temporal, queue_prefix, tmp_path / "log") as service:
        workflow = await temporal_client.start_workflow(
            Probe.run,
            Plan("hold", held.address),
            id=uuid4().hex,
            **Router(QueueLayout(queue_prefix)).tenant("acme").options(),
        )
        for word in ("unavailable", "fault", "done"):
            (await held.arrival()).release(word)
        await workflow.result()

    absence, fault = service.logged("activity failed")
    assert (absence["reason"], absence["error"], absence["will_retry"]) == (
        "the database is away",
        "Unavailable",
        True,
    )
    assert "exception" not in absence
    assert fault["exception"][0]["exc_value"] == "a fault of 7"
    assert fault["exception"][0]["frames"][-1]["name"] == "hold"
    assert "hunter2" not in service.output(), "a local variable reached the log"
