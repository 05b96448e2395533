"""Schedules that a service brings along: created when missing, else brought to the definition."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from temporal_common.client import ATTEMPT_TIMEOUT, rpc_errors_explained
from temporal_common.errors import SettingsError
from temporal_common.routing import Route

log = structlog.get_logger()

DEFAULT_CATCHUP_WINDOW: Final = timedelta(hours=1)
"""How late a missed run may still start. The server's default is a year: after an outage it would
start runs whose time has long passed."""


@dataclass(frozen=True)
class ScheduleDefinition:
    """One workflow on a cron expression. A run that is due while one goes on is skipped."""

    schedule_id: str
    workflow: str
    workflow_id: str
    """Prefix of the runs' ids; Temporal appends the time."""
    argument: Any
    cron: str
    cron_setting: str
    """Name of the setting that holds the cron expression, for the error line."""
    route: Route
    catchup_window: timedelta = DEFAULT_CATCHUP_WINDOW

    def build(self) -> Schedule:
        return Schedule(
            action=ScheduleActionStartWorkflow(
                self.workflow, self.argument, id=self.workflow_id, **self.route.options()
            ),
            spec=ScheduleSpec(cron_expressions=[self.cron]),
            policy=SchedulePolicy(
                overlap=ScheduleOverlapPolicy.SKIP, catchup_window=self.catchup_window
            ),
        )


async def ensure_schedule(client: Client, definition: ScheduleDefinition) -> None:
    """Creates the schedule, or brings the existing one to the definition.

    Safe when several processes start at once. Whether it is paused, and its history, stay as they
    are: an operator's pause survives a deploy.

    Raises:
        SettingsError: the server refuses the cron expression.
        TemporalUnavailable: the server does not answer.
    """
    try:
        with rpc_errors_explained(client):
            done = await _create_or_update(client, definition)
    except RPCError as error:
        if error.status != RPCStatusCode.INVALID_ARGUMENT:
            raise
        raise SettingsError(
            f"{definition.cron_setting}={definition.cron!r} is not valid: {error.message} "
            "(five fields: minute hour day month weekday)"
        ) from None
    log.info(f"schedule {done}", schedule=definition.schedule_id, cron=definition.cron)


async def _create_or_update(client: Client, definition: ScheduleDefinition) -> str:
    try:
        await client.create_schedule(
            definition.schedule_id, definition.build(), rpc_timeout=ATTEMPT_TIMEOUT
        )
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(definition.schedule_id).update(
            lambda current: _updated(current, definition), rpc_timeout=ATTEMPT_TIMEOUT
        )
        return "updated"
    return "created"


def _updated(current: ScheduleUpdateInput, definition: ScheduleDefinition) -> ScheduleUpdate:
    schedule = definition.build()
    schedule.state = current.description.schedule.state
    return ScheduleUpdate(schedule=schedule)
