"""Where a workflow goes: the one decision from "whose work is this" to a queue and a priority.

Pure: safe inside workflows, equal in every process and Python version.
"""

import hashlib
from dataclasses import dataclass
from typing import Final, TypedDict

from temporalio.common import Priority

from temporal_common.queues import JOBS, TENANT, Kind, QueueLayout

INTERACTIVE: Final = 2
"""Priority key of work that a person waits for. Temporal serves 1 before 5; its default is 3."""
NORMAL: Final = 3
BULK: Final = 4

_FAIRNESS_KEY_MAX: Final = 64  # bytes, by the server; a longer key is refused at the start
_JUMP: Final = 1 << 31


class RoutedPriority(Priority):
    """A priority that a `Router` has made: what a start on a queue of the fleet must have."""


class RouteOptions(TypedDict):
    task_queue: str
    priority: RoutedPriority


@dataclass(frozen=True)
class Route:
    """The options of a start that routing decides; splat `options()` into the call."""

    task_queue: str
    priority: RoutedPriority

    def options(self) -> RouteOptions:
        return {"task_queue": self.task_queue, "priority": self.priority}


@dataclass(frozen=True)
class Router:
    """Routes by a layout.

    >>> Router(QueueLayout(shards=4)).tenant("acme").task_queue
    'fleet.tenant.00'
    """

    layout: QueueLayout

    def tenant(
        self, tenant: str, *, kind: Kind = TENANT, urgency: int = NORMAL, weight: float = 1.0
    ) -> Route:
        """Work of one tenant: its stable shard, under its own fairness key.

        Activities and child workflows inherit the priority, so one start sets it for all of them.

        Args:
            tenant: What stays the same for a tenant's whole life; here its slug.
            urgency: Priority key, 1 (first) to 5; applied before fairness.
            weight: Share against other tenants of the same urgency, 0.001 to 1000.

        Raises:
            ValueError: the key is empty, or a number is out of the server's range.
        """
        if not tenant:
            raise ValueError("a tenant's key is empty; routing needs one")
        if not 1 <= urgency <= 5:
            raise ValueError(f"urgency {urgency} is not a priority key; valid: 1 to 5")
        if not 0.001 <= weight <= 1000:
            raise ValueError(f"fairness weight {weight} is out of range; valid: 0.001 to 1000")
        shard = shard_of(tenant, self.layout.shards_of(kind))
        return Route(
            task_queue=self.layout.task_queue(kind, shard).name,
            priority=RoutedPriority(
                priority_key=urgency, fairness_key=fairness_key(tenant), fairness_weight=weight
            ),
        )

    def job(self, *, kind: Kind = JOBS, urgency: int = NORMAL) -> Route:
        """Work of the system itself, which belongs to no tenant."""
        return Route(
            task_queue=self.layout.task_queue(kind).name,
            priority=RoutedPriority(priority_key=urgency),
        )


def fairness_key(tenant: str) -> str:
    """The tenant itself where it fits into the server's 64 bytes, else its digest."""
    raw = tenant.encode()
    if len(raw) <= _FAIRNESS_KEY_MAX:
        return tenant
    return hashlib.blake2b(raw, digest_size=16).hexdigest()


def shard_of(tenant: str, shards: int) -> int:
    """The tenant's shard, 0 to `shards` - 1.

    Jump consistent hash (Lamping and Veach, 2014, https://arxiv.org/abs/1406.2294): growing from n
    to m shards moves (m - n)/m of the tenants, all of them to new shards. Not Python's `hash`,
    which differs from process to process.
    """
    if shards < 1:
        raise ValueError(f"{shards} shards; valid: 1 or more")
    key = int.from_bytes(hashlib.blake2b(tenant.encode(), digest_size=8).digest(), "big")
    bucket, candidate = -1, 0
    while candidate < shards:
        bucket = candidate
        key = (key * 2862933555777941757 + 1) & 0xFFFFFFFFFFFFFFFF
        candidate = int((bucket + 1) * (_JUMP / ((key >> 33) + 1)))
    return bucket
