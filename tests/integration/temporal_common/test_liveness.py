"""`/livez` of a process whose event loop is held."""

from pathlib import Path
from uuid import uuid4

from temporalio.client import Client

from dev_servers.temporal_server import TemporalServer
from temporal_common.queues import QueueLayout
from temporal_common.routing import Router
from temporal_common.testing import service_process
from tests.support.probe.worker import settings_of
from tests.support.probe.workflows import Plan, Probe
from tests.support.rendezvous import Rendezvous


async def test_a_held_event_loop_fails_liveness_until_it_turns_again(
    temporal: TemporalServer,
    temporal_client: Client,
    queue_prefix: str,
    held: Rendezvous,
    tmp_path: Path,
) -> None:
    settings = settings_of(temporal.address, queue_prefix, HEALTH_BLOCKED_AFTER="1")
    async with service_process("tests.support.probe", settings, log=tmp_path / "log") as service:
        workflow = await temporal_client.start_workflow(
            Probe.run,
            Plan("block", held.address),
            id=uuid4().hex,
            **Router(QueueLayout(queue_prefix)).tenant("acme").options(),
        )
        holding = await held.arrival()
        dead = await service.health.until("/livez", lambda answer: answer.status == 503)
        warning = await service.until_logged("event loop is blocked")
        holding.release()
        await service.health.until("/livez", lambda answer: answer.status == 200)
        result = await workflow.result()

    assert dead.json["reason"].startswith("event loop blocked for ")
    assert "report_and_block" in warning["stack"], "the log names what holds it"
    assert result == ["done"]
