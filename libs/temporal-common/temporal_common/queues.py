"""Names of task queues: `{prefix}.{kind}.{shard:02d}`. Built and parsed here and nowhere else.

Pure: safe inside workflows.
"""

import re
from dataclasses import dataclass
from typing import Final

from temporal_common.errors import Refused

MAX_SHARDS: Final = 1000
"""`matching.maxTaskQueuesInDeployment` of the server: more queues than one deployment may own.
A *versioned* worker is held to 100 queues (`matching.maxTaskQueuesInDeploymentVersion`)."""

_PREFIX: Final = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_KIND: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_NAME: Final = re.compile(
    rf"(?P<prefix>{_PREFIX.pattern})\.(?P<kind>{_KIND.pattern})\.(?P<shard>\d{{2,3}})"
)

_PREFIX_MAX: Final = 64

PREFIX_RULE: Final = "lower-case letters and digits, joined by single '.', '-' or '_'; at most 64"


class InvalidTaskQueue(Refused):
    """A name that is not a task queue of this fleet, or parts that cannot make one."""


@dataclass(frozen=True)
class Kind:
    """A kind of work, with queues and workers of its own.

    A team adds one by writing `REPORTS = Kind("reports", sharded=True)` beside its workload.
    """

    name: str
    sharded: bool
    """Whether `TEMPORAL_QUEUE_SHARDS` applies. Work that belongs to no tenant has one queue."""

    def __post_init__(self) -> None:
        if not _KIND.fullmatch(self.name):
            raise InvalidTaskQueue(
                f"{self.name!r} is not a kind of work; valid: lower-case words joined by '-'"
            )


TENANT: Final = Kind("tenant", sharded=True)
JOBS: Final = Kind("jobs", sharded=False)


@dataclass(frozen=True, order=True)
class TaskQueue:
    """The parts of one task queue's name."""

    prefix: str
    kind: str
    shard: int

    @property
    def name(self) -> str:
        return f"{self.prefix}.{self.kind}.{self.shard:02d}"


def parse_task_queue(name: str) -> TaskQueue:
    """The inverse of `TaskQueue.name`.

    Raises:
        InvalidTaskQueue: the name was not built by this module.
    """
    match = _NAME.fullmatch(name)
    if match and len(match["prefix"]) <= _PREFIX_MAX:
        queue = TaskQueue(match["prefix"], match["kind"], int(match["shard"]))
        if queue.name == name:  # "007" would parse, and no layout builds it
            return queue
    raise InvalidTaskQueue(
        f"{name!r} is not a task queue of a fleet; valid: {{prefix}}.{{kind}}.00"
    )


@dataclass(frozen=True)
class QueueLayout:
    """Which task queues a fleet has. Clients and workers must agree on it.

    Raises:
        InvalidTaskQueue: the prefix or the number of shards cannot be used.
    """

    prefix: str = "fleet"
    shards: int = 1

    def __post_init__(self) -> None:
        if len(self.prefix) > _PREFIX_MAX or not _PREFIX.fullmatch(self.prefix):
            raise InvalidTaskQueue(f"{self.prefix!r} is not a queue prefix; valid: {PREFIX_RULE}")
        if not 1 <= self.shards <= MAX_SHARDS:
            raise InvalidTaskQueue(f"{self.shards} shards; valid: 1 to {MAX_SHARDS}")

    def task_queue(self, kind: Kind, shard: int = 0) -> TaskQueue:
        if not 0 <= shard < self.shards_of(kind):
            raise InvalidTaskQueue(
                f"{kind.name} has no shard {shard}; valid: 0 to {self.shards_of(kind) - 1}"
            )
        return TaskQueue(self.prefix, kind.name, shard)

    def task_queues(self, kind: Kind) -> tuple[TaskQueue, ...]:
        """All queues of a kind, by shard."""
        return tuple(self.task_queue(kind, shard) for shard in range(self.shards_of(kind)))

    def name_prefix(self, kind: Kind) -> str:
        """What the names of all queues of a kind begin with, in this layout and in others."""
        return f"{self.prefix}.{kind.name}."

    def shards_of(self, kind: Kind) -> int:
        return self.shards if kind.sharded else 1
