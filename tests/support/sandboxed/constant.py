"""Nothing in here can change: constants, functions, classes, a way to the log."""

import enum
import random
import re
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityConfig

log = structlog.get_logger()

OPTIONS = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=5), retry_policy=RetryPolicy(maximum_attempts=1)
)
WORD = re.compile(r"\w+")


class Colour(enum.Enum):
    RED = "red"


@dataclass(frozen=True)
class Limits:
    steps: tuple[int, ...] = (1, 2)


LIMITS = Limits()


@workflow.defn
class Constant:
    """Does what the sandbox must refuse, when it is told to."""

    @workflow.run
    async def run(self, wish: str) -> str:
        match wish:
            case "now":
                return str(datetime.now())  # noqa: DTZ005  # the fault
            case "random":
                return str(random.random())
            case "uuid":
                return str(uuid.uuid4())
            case "open":
                with open("/etc/hostname") as file:  # noqa: ASYNC230  # the fault
                    return file.read()
            case "change a constant":
                OPTIONS["summary"] = "changed"
        return f"{len(LIMITS.steps)} {len(OPTIONS)}"
