"""`/metrics` on a real server."""

import re
import time
from uuid import uuid4

from temporal_common.connection import Connection
from temporal_common.testing import running_service
from tests.support.probe.worker import PROBE
from tests.support.probe.workflows import Plan, Probe
from tests.support.rendezvous import Rendezvous

LATENCY = "temporal_activity_schedule_to_start_latency"


async def test_the_wait_in_the_queue_is_measured_per_workload_and_queue(
    temporal_connection: Connection, held: Rendezvous
) -> None:
    async with running_service([PROBE], connection=temporal_connection) as service:
        route = service.router.tenant("acme")
        workflow = await service.client.start_workflow(
            Probe.run, Plan("hold", held.address), id=uuid4().hex, **route.options()
        )
        (await held.arrival()).release()
        await workflow.result()
        metrics = (await service.health.get("/metrics")).text

    buckets = re.findall(rf"^{LATENCY}_bucket\{{(.*)\}} \d+$", metrics, re.MULTILINE)
    labels = [dict(re.findall(r'(\w+)="([^"]*)"', bucket)) for bucket in buckets]
    assert {label["workload"] for label in labels} == {"probe"}
    assert {label["task_queue"] for label in labels} == {route.task_queue}
    assert {"0.05", "0.2", "5"} <= {label["le"] for label in labels}, "the alert's bounds"


async def test_durations_are_in_seconds(temporal_connection: Connection, held: Rendezvous) -> None:
    async with running_service([PROBE], connection=temporal_connection) as service:
        begin = time.monotonic()
        workflow = await service.client.start_workflow(
            Probe.run,
            Plan("hold", held.address),
            id=uuid4().hex,
            **service.router.tenant("acme").options(),
        )
        (await held.arrival()).release()
        await workflow.result()
        seconds = time.monotonic() - begin
        metrics = (await service.health.get("/metrics")).text

    measured = re.search(
        r"^temporal_workflow_endtoend_latency_sum\{.*\} (.*)$", metrics, re.MULTILINE
    )
    assert measured
    assert 0 < float(measured[1]) <= seconds
