"""One workflow that runs one activity, or several, and writes lines before and after."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta

import structlog
from temporalio import workflow
from temporalio.common import RetryPolicy, VersioningBehavior

log = structlog.get_logger()


@dataclass
class Plan:
    activity: str
    address: str
    times: int = 1
    heartbeat_timeout: float | None = None
    """Seconds; none for no heartbeats."""


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
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=50)),
        )
        return result
