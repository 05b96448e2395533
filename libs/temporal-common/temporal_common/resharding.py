"""Changing the number of shards: what moves, in which order, and what would strand work.

Pure: it knows the queues by what it is told about them. Growing goes workers first, then clients:
a client that is ahead starts work on a queue that nobody polls. Shrinking goes clients first, then
workers: these go on polling what the larger layout left until nothing runs or waits there.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from temporal_common.routing import shard_of

_NAMED: Final = 4
"""Queues that a sentence names before it goes on with a number."""


class Use(StrEnum):
    """What a queue is to a layout, given what it holds and who polls it."""

    IN_USE = "in use"
    """Of the layout, and polled."""
    UNPOLLED = "unpolled"
    """Of the layout and empty, but work that is sent there would wait."""
    DRAINING = "draining"
    """Outside the layout, holds work, and is polled: it empties by itself."""
    DRAINED = "drained"
    """Outside the layout, and empty."""
    STRANDED = "stranded"
    """Holds work, and nobody polls it."""


@dataclass(frozen=True)
class Shard:
    """One queue of a sharded kind."""

    name: str
    number: int
    running: int
    """Workflows that were started on it and have not ended."""
    backlog: int
    """Tasks that wait on it, of both types."""
    polled: bool
    """Whether tasks of both types have a live poller."""

    @property
    def holds_work(self) -> bool:
        return self.running > 0 or self.backlog > 0

    def use(self, shards: int) -> Use:
        """`shards`: how many the layout has."""
        if self.holds_work and not self.polled:
            return Use.STRANDED
        if self.number < shards:
            return Use.IN_USE if self.polled else Use.UNPOLLED
        return Use.DRAINING if self.holds_work else Use.DRAINED


class StepState(StrEnum):
    DONE = "done"
    NEXT = "next"
    """May be done now."""
    LATER = "later"
    """Comes after another one."""
    STRANDS = "would strand"
    """Done now it leaves work where nobody polls."""


class Actor(StrEnum):
    """Whose setting a step changes."""

    WORKERS = "workers"
    CLIENTS = "clients"
    NOBODY = "nobody"
    """A step that is only waited for."""


@dataclass(frozen=True)
class Step:
    actor: Actor
    text: str
    state: StepState
    why: str
    """What shows that it is done, what it waits for, or what it would strand."""


@dataclass(frozen=True)
class Plan:
    """The way from one number of shards to another, as far as it has come."""

    shards: int
    target: int
    steps: tuple[Step, ...]
    stranded: tuple[Shard, ...]
    """Queues that hold work now which nobody polls, whatever is done next."""
    ahead: bool
    """Whether clients use the new number already, and workers do not poll all of its queues."""

    @property
    def next(self) -> Step | None:
        """The first step that is not done."""
        return next((step for step in self.steps if step.state is not StepState.DONE), None)

    @property
    def strands(self) -> bool:
        """Whether work is stranded, or the next step would strand some."""
        step = self.next
        next_strands = step is not None and step.state is StepState.STRANDS
        return bool(self.stranded) or self.ahead or next_strands

    def safe(self, actor: Actor) -> bool:
        """Whether the step of this actor may be done now, or has been; one that no plan has may."""
        states = [step.state for step in self.steps if step.actor is actor]
        return all(state in (StepState.DONE, StepState.NEXT) for state in states)


def plan(shards: int, target: int, queues: Sequence[Shard], *, clients_moved: bool = False) -> Plan:
    """The steps from `shards` to `target`.

    Args:
        queues: Every queue of both layouts, and every one outside them that still holds work.
        clients_moved: Whether all clients use `target` already. The server cannot tell: a client
            shows itself by the work that it starts, and one that starts none does not show.

    Raises:
        ValueError: a queue of the two layouts is missing.
    """
    by_number = {queue.number: queue for queue in queues}
    if missing := set(range(max(shards, target))) - by_number.keys():
        raise ValueError(f"the state of shard {min(missing)} is missing")
    stranded = tuple(queue for queue in queues if queue.holds_work and not queue.polled)
    if target > shards:
        steps = _growing(target, by_number, clients_moved)
    elif target < shards:
        steps = _shrinking(shards, target, by_number, clients_moved)
    else:
        steps = ()
    ahead = clients_moved and any(not by_number[number].polled for number in range(target))
    return Plan(shards, target, steps, stranded, ahead)


def _growing(target: int, queues: Mapping[int, Shard], clients_moved: bool) -> tuple[Step, ...]:
    silent = _unpolled(queues[number] for number in range(target))
    workers = Step(
        Actor.WORKERS,
        f"workers get TEMPORAL_QUEUE_SHARDS={target}",
        StepState.NEXT if silent else StepState.DONE,
        f"nobody polls {named(silent)}" if silent else f"all {target} queues are polled",
    )
    text = f"clients get TEMPORAL_QUEUE_SHARDS={target}"
    return workers, _clients(text, silent, clients_moved, "; workers come first")


def _shrinking(
    shards: int, target: int, queues: Mapping[int, Shard], clients_moved: bool
) -> tuple[Step, ...]:
    silent = _unpolled(queues[number] for number in range(target))
    left = [queue for number, queue in sorted(queues.items()) if number >= target]
    # Workers of the larger layout poll all its queues; those of the smaller one only what holds
    # work.
    moved = any(not queue.polled for queue in left if queue.number < shards)
    text = f"clients get TEMPORAL_QUEUE_SHARDS={target}"
    clients = _clients(text, silent, clients_moved)
    text = f"workers get TEMPORAL_QUEUE_SHARDS={target}, and go on polling what is left"
    if clients.state is not StepState.DONE:
        workers = Step(Actor.WORKERS, text, StepState.LATER, "clients come first")
    elif moved:
        workers = Step(Actor.WORKERS, text, StepState.DONE, f"{_free(left)} polled no more")
    else:
        workers = Step(Actor.WORKERS, text, StepState.NEXT, "all queues are polled")
    holding = [queue for queue in left if queue.holds_work]
    text = f"the queues from shard {target} on run empty"
    if not holding:
        emptied = Step(Actor.NOBODY, text, StepState.DONE, "nothing runs or waits there")
        if clients.state is not StepState.DONE:
            emptied = Step(Actor.NOBODY, text, StepState.LATER, "clients still send work there")
    else:
        running, backlog = (
            sum(queue.running for queue in holding),
            sum(queue.backlog for queue in holding),
        )
        why = f"{running} running workflows and {backlog} waiting tasks on {named(holding)}"
        done = clients.state is workers.state is StepState.DONE
        emptied = Step(Actor.NOBODY, text, StepState.NEXT if done else StepState.LATER, why)
    return clients, workers, emptied


def _clients(text: str, silent: Sequence[Shard], moved: bool, first: str = "") -> Step:
    """`silent`: queues of the new layout that nobody polls. `first`: what to do about them."""
    if silent and moved:
        why = f"they have it, and new work on {named(silent)} waits for a worker{first}"
        return Step(Actor.CLIENTS, text, StepState.STRANDS, why)
    if silent:
        why = f"work for {named(silent)} would wait for a worker{first}"
        return Step(Actor.CLIENTS, text, StepState.STRANDS, why)
    if moved:
        return Step(Actor.CLIENTS, text, StepState.DONE, "by --clients-moved")
    why = "not seen from here; say --clients-moved when all have"
    return Step(Actor.CLIENTS, text, StepState.NEXT, why)


def _unpolled(queues: Iterable[Shard]) -> list[Shard]:
    return [queue for queue in queues if not queue.polled]


def _free(left: Iterable[Shard]) -> str:
    silent = _unpolled(left)
    return f"{named(silent)} {'is' if len(silent) == 1 else 'are'}"


def named(queues: Sequence[Shard]) -> str:
    """Names of queues for a sentence: all of a few, else the first and the last, and how many."""
    names = [queue.name for queue in queues]
    if len(names) <= _NAMED:
        return ", ".join(names)
    return f"{names[0]} … {names[-1]} ({len(names)} queues)"


@dataclass(frozen=True)
class Moves:
    """How tenants lie before and after, by shard."""

    before: Mapping[int, int]
    after: Mapping[int, int]
    moved: int

    @property
    def tenants(self) -> int:
        return sum(self.before.values())


def moves(tenants: Iterable[str], shards: int, target: int) -> Moves:
    """Counts the tenants (their routing keys, here slugs) that another number of shards moves."""
    pairs = [(shard_of(tenant, shards), shard_of(tenant, target)) for tenant in tenants]
    return Moves(
        before=Counter(before for before, _ in pairs),
        after=Counter(after for _, after in pairs),
        moved=sum(before != after for before, after in pairs),
    )


def moving_share(shards: int, target: int) -> float:
    """The share of tenants that moves, on average: the least that evens the shards out again."""
    return abs(target - shards) / max(target, shards)
