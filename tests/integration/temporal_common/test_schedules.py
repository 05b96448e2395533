"""Schedules that a service brings along, on a real server."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.client import Client, ScheduleActionStartWorkflow, ScheduleDescription
from temporalio.client import ScheduleOverlapPolicy as Overlap
from temporalio.common import Priority

from temporal_common.errors import SettingsError
from temporal_common.queues import QueueLayout
from temporal_common.routing import Router
from temporal_common.schedules import ScheduleDefinition, ensure_schedule


@pytest_asyncio.fixture
async def nightly(temporal_client: Client) -> AsyncIterator[ScheduleDefinition]:
    """At three in the morning; whatever schedule a test makes of it is deleted."""
    definition = ScheduleDefinition(
        schedule_id=f"nightly-{uuid4().hex}",
        workflow="Probe",
        workflow_id="nightly",
        argument={"times": 1},
        cron="0 3 * * *",
        cron_setting="NIGHTLY_CRON",
        route=Router(QueueLayout("test-schedules")).job(),
    )
    yield definition
    await temporal_client.get_schedule_handle(definition.schedule_id).delete()


async def described(client: Client, definition: ScheduleDefinition) -> ScheduleDescription:
    return await client.get_schedule_handle(definition.schedule_id).describe()


def hours(description: ScheduleDescription) -> list[int]:
    return [time.start for time in description.schedule.spec.calendars[0].hour]


async def test_a_schedule_is_created_with_the_route_and_the_policy_of_the_fleet(
    temporal_client: Client, nightly: ScheduleDefinition
) -> None:
    await ensure_schedule(temporal_client, nightly)

    description = await described(temporal_client, nightly)
    action = description.schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)
    assert (action.workflow, action.id) == ("Probe", "nightly")
    assert (action.task_queue, action.priority) == (
        "test-schedules.jobs.00",
        Priority(**asdict(nightly.route.priority)),  # from the server it comes as the SDK's
    )
    assert hours(description) == [3]
    assert description.schedule.policy.overlap == Overlap.SKIP
    assert description.schedule.policy.catchup_window == nightly.catchup_window


async def test_an_existing_schedule_is_brought_to_the_definition(
    temporal_client: Client, nightly: ScheduleDefinition
) -> None:
    await ensure_schedule(temporal_client, nightly)
    await ensure_schedule(
        temporal_client, replace(nightly, cron="0 4 * * *", workflow_id="nightly-at-four")
    )

    description = await described(temporal_client, nightly)
    action = description.schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)
    assert (hours(description), action.id) == ([4], "nightly-at-four")


async def test_an_operators_pause_survives_an_update(
    temporal_client: Client, nightly: ScheduleDefinition
) -> None:
    await ensure_schedule(temporal_client, nightly)
    await temporal_client.get_schedule_handle(nightly.schedule_id).pause(note="migration tonight")

    await ensure_schedule(temporal_client, replace(nightly, cron="0 4 * * *"))

    description = await described(temporal_client, nightly)
    assert description.schedule.state.paused
    assert description.schedule.state.note == "migration tonight"
    assert hours(description) == [4]


async def test_processes_that_start_at_once_agree_on_one_schedule(
    temporal_client: Client, nightly: ScheduleDefinition
) -> None:
    await asyncio.gather(*(ensure_schedule(temporal_client, nightly) for _ in range(4)))

    assert hours(await described(temporal_client, nightly)) == [3]


@pytest.mark.parametrize("existing", [False, True], ids=["new", "existing"])
async def test_a_bad_cron_expression_is_one_line_with_the_name_of_its_setting(
    temporal_client: Client, nightly: ScheduleDefinition, existing: bool
) -> None:
    await ensure_schedule(temporal_client, nightly)
    bad = replace(nightly, cron="every night")
    if not existing:
        bad = replace(bad, schedule_id=f"bad-{uuid4().hex}")

    with pytest.raises(SettingsError) as refusal:
        await ensure_schedule(temporal_client, bad)

    assert str(refusal.value) == (
        "NIGHTLY_CRON='every night' is not valid: Invalid schedule spec: "
        "CronString does not have 5-7 fields (five fields: minute hour day month weekday)"
    )
