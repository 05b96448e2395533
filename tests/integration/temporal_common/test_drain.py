"""How a service process ends: signals, the drain and its limits, exit codes."""

import asyncio
import signal
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle

from dev_servers.temporal_server import TemporalServer
from temporal_common import fleet
from temporal_common.connection import Connection
from temporal_common.queues import QueueLayout
from temporal_common.routing import Router
from temporal_common.testing import running_service, service_process
from tests.support.probe.worker import PROBE, settings_of
from tests.support.probe.workflows import Plan, Probe, Waiting
from tests.support.rendezvous import Arrival, Rendezvous

PROBE_MODULE = "tests.support.probe"
KILLED = -signal.SIGKILL


async def started(
    client: Client, prefix: str, activity: str, held: Rendezvous
) -> tuple[WorkflowHandle[Probe, list[str]], Arrival]:
    """A workflow whose activity waits for the test."""
    workflow = await client.start_workflow(
        Probe.run,
        Plan(activity, held.address),
        id=uuid4().hex,
        **Router(QueueLayout(prefix)).tenant("acme").options(),
    )
    return workflow, await held.arrival()


async def test_sigterm_lets_the_running_activity_finish_as_attempt_1_and_exits_0(
    temporal: TemporalServer,
    temporal_client: Client,
    temporal_connection: Connection,
    queue_prefix: str,
    held: Rendezvous,
    tmp_path: Path,
) -> None:
    settings = settings_of(temporal.address, queue_prefix)
    async with service_process(PROBE_MODULE, settings, log=tmp_path / "log") as service:
        workflow, activity = await started(temporal_client, queue_prefix, "hold", held)

        service.send(signal.SIGTERM)
        draining = await service.health.until("/readyz", lambda answer: answer.status == 503)
        alive = await service.health.get("/livez")
        seen = (await service.health.get("/health")).json
        activity.release("drained")
        code = await service.wait()

    async with running_service(
        [PROBE], connection=temporal_connection, layout=QueueLayout(queue_prefix)
    ):
        result = await workflow.result()
    assert code == 0
    assert draining.json == {"ready": False, "state": "draining", "reason": "SIGTERM"}
    assert alive.status == 200
    assert seen["running_activities"] == 1
    assert (result, activity.attempt, held.waiting) == (["drained"], 1, 0)


async def test_an_activity_that_outlasts_the_drain_limit_is_handed_over(
    temporal: TemporalServer,
    temporal_client: Client,
    temporal_connection: Connection,
    queue_prefix: str,
    held: Rendezvous,
    tmp_path: Path,
) -> None:
    settings = settings_of(temporal.address, queue_prefix, WORKER_GRACEFUL_SHUTDOWN_TIMEOUT="0.2")
    async with service_process(PROBE_MODULE, settings, log=tmp_path / "log") as service:
        workflow, first = await started(temporal_client, queue_prefix, "hold", held)
        code = await service.terminate()

    async with running_service(
        [PROBE], connection=temporal_connection, layout=QueueLayout(queue_prefix)
    ):
        second = await held.arrival()
        second.release("elsewhere")
        result = await workflow.result()
    assert (code, result) == (0, ["elsewhere"])
    assert (first.attempt, second.attempt) == (1, 2)
    assert second.pid != first.pid
    assert [line["activity_type"] for line in service.logged("handing over")] == ["hold"]


async def test_a_cached_workflow_goes_on_elsewhere_within_a_second_of_the_signal(
    temporal: TemporalServer,
    temporal_client: Client,
    temporal_connection: Connection,
    queue_prefix: str,
    held: Rendezvous,
    tmp_path: Path,
) -> None:
    layout = QueueLayout(queue_prefix)
    acme = Router(layout).tenant("acme").options()
    settings = settings_of(temporal.address, queue_prefix)
    async with service_process(PROBE_MODULE, settings, log=tmp_path / "log") as service:
        waiting = await temporal_client.start_workflow(Waiting.run, id=uuid4().hex, **acme)
        # Its activity keeps the process in its drain.
        await started(temporal_client, queue_prefix, "hold", held)
        async with running_service([PROBE], connection=temporal_connection, layout=layout):
            signalled = time.monotonic()
            service.send(signal.SIGTERM)
            await service.until_logged("draining")
            await waiting.signal(Waiting.tell)
            result = await waiting.result()
            took = time.monotonic() - signalled
        assert service.running

    assert result == "told"
    assert took < 1
    assert (await identities(waiting))[0].startswith("probe@"), "cached there; else this is idle"
    assert (await identities(waiting))[-1].startswith("test-service@")


async def identities(workflow: WorkflowHandle[Any, Any]) -> list[str]:
    """Who got the workflow's tasks."""
    return [
        event.workflow_task_started_event_attributes.identity
        for event in (await workflow.fetch_history()).events
        if event.HasField("workflow_task_started_event_attributes")
    ]


async def test_the_workflows_of_a_crashed_process_go_on_elsewhere_in_seconds(
    temporal: TemporalServer,
    temporal_client: Client,
    temporal_connection: Connection,
    queue_prefix: str,
    tmp_path: Path,
) -> None:
    layout = QueueLayout(queue_prefix)
    settings = settings_of(temporal.address, queue_prefix)
    async with service_process(PROBE_MODULE, settings, log=tmp_path / "log") as service:
        waiting = await temporal_client.start_workflow(
            Waiting.run, id=uuid4().hex, **Router(layout).tenant("acme").options()
        )
        async for event in waiting.fetch_history_events(wait_new_event=True):
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
                break  # it is in the cache of the process, and the server knows
        await service.kill()

    async with running_service([PROBE], connection=temporal_connection, layout=layout):
        await waiting.signal(Waiting.tell)
        async with asyncio.timeout(8):  # by the SDK's default it would take 10
            assert await waiting.result() == "told"


async def test_a_second_signal_ends_the_process_at_once(
    temporal: TemporalServer,
    temporal_client: Client,
    queue_prefix: str,
    held: Rendezvous,
    tmp_path: Path,
) -> None:
    settings = settings_of(temporal.address, queue_prefix)
    async with service_process(PROBE_MODULE, settings, log=tmp_path / "log") as service:
        await started(temporal_client, queue_prefix, "hold", held)

        service.send(signal.SIGTERM)
        await service.until_logged("draining")
        await asyncio.sleep(0.6)  # sooner it would count as the same key press
        service.send(signal.SIGINT)
        code = await service.wait(within=5)

    assert code == 128 + signal.SIGINT
    assert "SIGINT again: ended without draining" in service.output()


@pytest.mark.parametrize("activity", ["ignore_cancellation", "block"])
async def test_the_hard_deadline_ends_a_process_whose_activity_does_not_end(
    temporal: TemporalServer,
    temporal_client: Client,
    queue_prefix: str,
    held: Rendezvous,
    tmp_path: Path,
    activity: str,
) -> None:
    settings = settings_of(
        temporal.address,
        queue_prefix,
        WORKER_GRACEFUL_SHUTDOWN_TIMEOUT="0.2",
        PROBE_HARD_DEADLINE_MARGIN="0.5",
    )
    async with service_process(PROBE_MODULE, settings, log=tmp_path / "log") as service:
        await started(temporal_client, queue_prefix, activity, held)
        code = await service.terminate(within=10)

    assert code == 1, "work was cut off"
    assert len(service.logged("hard deadline reached")) == 1


async def test_a_stop_while_there_is_no_server_exits_0_at_once(
    queue_prefix: str, tmp_path: Path
) -> None:
    settings = settings_of("127.0.0.1:1", queue_prefix)
    async with service_process(
        PROBE_MODULE, settings, log=tmp_path / "log", ready=False
    ) as service:
        await service.until_logged("waiting")
        assert await service.terminate(within=5) == 0


async def test_a_worker_that_ends_by_itself_fails_liveness_drains_the_others_and_exits_1(
    temporal_connection: Connection, queue_prefix: str, held: Rendezvous
) -> None:
    layout = QueueLayout(queue_prefix, shards=2)
    acme, globex = (Router(layout).tenant(name) for name in ("acme", "globex"))
    assert acme.task_queue != globex.task_queue

    async with running_service([PROBE], connection=temporal_connection, layout=layout) as service:
        activities = []
        for route in (acme, globex):
            await service.client.start_workflow(
                Probe.run, Plan("hold", held.address), id=uuid4().hex, **route.options()
            )
            activities.append(await held.arrival())
        dying, other = activities
        dying.release("fatal")
        dead = await service.health.until("/livez", lambda answer: answer.status == 503)
        state = (await service.health.get("/health")).json["state"]
        other.release()
        code = await service.ended()

    assert dead.json["reason"] == f"worker of {acme.task_queue} ended: the pool of threads is gone"
    assert (state, code) == ("failed", 1)


class FailsInItsDrain:
    """A Worker that raises after its shutdown: it lost its server, or was never validated."""

    def __init__(self) -> None:
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        await self._stopped.wait()
        raise RuntimeError("Worker validation failed")

    async def shutdown(self) -> None:
        self._stopped.set()


async def test_a_worker_that_fails_in_its_drain_changes_nothing_and_is_reported(
    temporal_connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(fleet, "create_worker", lambda *_, **__: FailsInItsDrain())
    async with running_service([PROBE], connection=temporal_connection, ready=False) as service:
        await service.health.until("/readyz", lambda answer: "poller" in answer.text)
        code = await service.stop()

    assert code == 0
    assert "Worker validation failed" in capsys.readouterr().out
