"""One workflow runs activities and writes lines before and after; another one waits."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta

import structlog
from temporalio import workflow
from temporalio.common import Priority, RetryPolicy, VersioningBehavior

log = structlog.get_logger()


@dataclass
class Plan:
    activity: str
    address: str
    times: int = 1
    heartbeat_timeout: float | None = None
    """Seconds; none for no heartbeats."""
    maximum_attempts: int = 0
    """0 for no bound."""
    retry_interval: float = 0.05
    """Seconds that the retry policy waits after a failure."""


@workflow.defn(versioning_behavior=VersioningBehavior.PINNED)
class Probe:
    @workflow.run
    async def run(self, plan: Plan) -> list[str]:
        log.info("probe begins", times=plan.times)
        logging.getLogger("plain").info("probe begins, plainly")
        results = await asyncio.gather(*(self._once(plan) for _ in range(plan.times)))
        log.info("probe ends")
        return list(results)

    async def _once(self, plan: Plan) -> str:
        beat = plan.heartbeat_timeout
        result: str = await workflow.execute_activity(
            plan.activity,
            plan.address,
            start_to_close_timeout=timedelta(minutes=1),
            heartbeat_timeout=timedelta(seconds=beat) if beat else None,
            retry_policy=RetryPolicy(
                initial_interval=timedelta(seconds=plan.retry_interval),
                maximum_attempts=plan.maximum_attempts,
            ),
            # A cancelled workflow says how its activity ended.
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        return result


@workflow.defn(versioning_behavior=VersioningBehavior.PINNED)
class Waiting:
    """Ends at its signal."""

    def __init__(self) -> None:
        self._told = False

    @workflow.run
    async def run(self) -> str:
        await workflow.wait_condition(lambda: self._told)
        return "told"

    @workflow.signal
    def tell(self) -> None:
        self._told = True


@workflow.defn(versioning_behavior=VersioningBehavior.PINNED)
class Urgent:
    """One activity with an urgency of its own, which claims to be another tenant's."""

    @workflow.run
    async def run(self, plan: Plan) -> str:
        result: str = await workflow.execute_activity(
            plan.activity,
            plan.address,
            start_to_close_timeout=timedelta(minutes=1),
            priority=Priority(priority_key=1, fairness_key="another-tenant"),
        )
        return result
