"""The way from one number of shards to another."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from temporal_common.queues import MAX_SHARDS
from temporal_common.resharding import (
    Actor,
    Plan,
    Shard,
    StepState,
    Use,
    moves,
    moving_share,
    named,
    plan,
)
from temporal_common.routing import shard_of

counts = st.integers(1, 64)


def shard(
    number: int, *, polled: bool = True, running: int = 0, backlog: int = 0, kind: str = "tenant"
) -> Shard:
    return Shard(f"fleet.{kind}.{number:02d}", number, running, backlog, polled)


def shards(polled: Iterable[int], silent: Iterable[int] = ()) -> list[Shard]:
    """Empty ones."""
    return [*(shard(n) for n in polled), *(shard(n, polled=False) for n in silent)]


def states(planned: Plan) -> dict[str, str]:
    return {step.actor.value: step.state.value for step in planned.steps}


# What a queue is


@pytest.mark.parametrize(
    ("queue", "use"),
    [
        (shard(0), Use.IN_USE),
        (shard(0, running=1), Use.IN_USE),
        (shard(0, polled=False), Use.UNPOLLED),
        (shard(0, polled=False, running=1), Use.STRANDED),
        (shard(0, polled=False, backlog=1), Use.STRANDED),
        (shard(4), Use.DRAINED),
        (shard(4, polled=False), Use.DRAINED),
        (shard(4, running=1), Use.DRAINING),
        (shard(4, polled=False, running=1), Use.STRANDED),
    ],
)
def test_the_use_of_a_queue_in_a_layout_of_four(queue: Shard, use: Use) -> None:
    assert queue.use(4) is use


# Growing


def test_growing_begins_with_the_workers() -> None:
    grow = plan(2, 4, shards(polled=[0, 1], silent=[2, 3]))

    assert states(grow) == {"workers": "next", "clients": "would strand"}
    assert grow.next is grow.steps[0]
    assert not grow.strands
    assert grow.steps[1].why == (
        "work for fleet.tenant.02, fleet.tenant.03 would wait for a worker; workers come first"
    )


def test_growing_goes_on_with_the_clients_when_all_queues_are_polled() -> None:
    grow = plan(2, 4, shards(polled=range(4)))

    assert states(grow) == {"workers": "done", "clients": "next"}
    assert not grow.strands


def test_growing_is_done_when_the_clients_have_moved() -> None:
    grow = plan(2, 4, shards(polled=range(4)), clients_moved=True)

    assert states(grow) == {"workers": "done", "clients": "done"}
    assert grow.next is None


def test_clients_that_are_ahead_of_the_workers_strand_work() -> None:
    grow = plan(2, 4, shards(polled=[0, 1, 2], silent=[3]), clients_moved=True)

    assert states(grow) == {"workers": "next", "clients": "would strand"}
    assert grow.strands


# Shrinking


def test_shrinking_begins_with_the_clients() -> None:
    shrink = plan(4, 2, shards(polled=range(4)))

    assert states(shrink) == {"clients": "next", "workers": "later", "nobody": "later"}
    assert not shrink.strands


def test_shrinking_to_a_queue_that_nobody_polls_strands_work() -> None:
    shrink = plan(4, 2, shards(polled=[0, 2, 3], silent=[1]))

    assert states(shrink)["clients"] == "would strand"
    assert shrink.strands


def test_shrinking_goes_on_with_the_workers_when_the_clients_have_moved() -> None:
    queues = [*shards(polled=[0, 1, 2]), shard(3, running=5)]

    shrink = plan(4, 2, queues, clients_moved=True)

    assert states(shrink) == {"clients": "done", "workers": "next", "nobody": "later"}
    assert not shrink.strands


def test_shrinking_waits_for_what_is_left_when_the_workers_have_moved() -> None:
    queues = [*shards(polled=[0, 1], silent=[2]), shard(3, running=5, backlog=2)]

    shrink = plan(4, 2, queues, clients_moved=True)

    assert states(shrink) == {"clients": "done", "workers": "done", "nobody": "next"}
    assert shrink.steps[-1].why == "5 running workflows and 2 waiting tasks on fleet.tenant.03"
    assert not shrink.strands


def test_shrinking_is_done_when_nothing_is_left() -> None:
    shrink = plan(4, 2, shards(polled=[0, 1], silent=[2, 3]), clients_moved=True)

    assert states(shrink) == {"clients": "done", "workers": "done", "nobody": "done"}


def test_work_of_a_layout_before_the_last_is_waited_for_as_well() -> None:
    queues = [*shards(polled=[0, 1], silent=[2, 3]), shard(9, running=1)]

    shrink = plan(4, 2, queues, clients_moved=True)

    assert states(shrink)["nobody"] == "next"


# Both


@given(counts, counts, st.booleans(), st.data())
def test_work_that_nobody_polls_is_never_called_safe(
    before: int, after: int, clients_moved: bool, data: st.DataObject
) -> None:
    queues = [
        shard(n, polled=data.draw(st.booleans()), running=data.draw(st.integers(0, 1)))
        for n in range(max(before, after))
    ]

    planned = plan(before, after, queues, clients_moved=clients_moved)

    stranded = {queue.number for queue in queues if queue.running and not queue.polled}
    assert {queue.number for queue in planned.stranded} == stranded
    assert planned.strands or not stranded
    if any(not queue.polled for queue in queues[:after]) and after != before:
        assert not planned.safe(Actor.CLIENTS), "work would go to a queue that nobody polls"
        assert planned.strands or not clients_moved


@given(counts, counts, st.booleans(), st.data())
def test_no_step_comes_before_one_that_is_not_done(
    before: int, after: int, clients_moved: bool, data: st.DataObject
) -> None:
    queues = [
        shard(n, polled=data.draw(st.booleans()), running=data.draw(st.integers(0, 1)))
        for n in range(max(before, after))
    ]

    planned = plan(before, after, queues, clients_moved=clients_moved)

    open_steps = [step for step in planned.steps if step.state is not StepState.DONE]
    assert planned.next is (open_steps[0] if open_steps else None)
    assert all(step.state is not StepState.NEXT for step in open_steps[1:])


def test_a_plan_needs_every_queue_of_both_layouts() -> None:
    with pytest.raises(ValueError, match="the state of shard 2 is missing"):
        plan(2, 4, shards(polled=[0, 1, 3]))


def test_a_number_that_stays_needs_no_step() -> None:
    same = plan(4, 4, shards(polled=range(4)))

    assert (same.steps, same.next, same.strands) == ((), None, False)


# What moves


@given(st.sets(st.text(min_size=1, max_size=20), max_size=50), counts, counts)
def test_moves_count_every_tenant_where_it_was_and_where_it_will_be(
    tenants: set[str], before: int, after: int
) -> None:
    counted = moves(tenants, before, after)

    assert sum(counted.before.values()) == sum(counted.after.values()) == len(tenants)
    assert counted.moved == sum(shard_of(t, before) != shard_of(t, after) for t in tenants)


@pytest.mark.parametrize(("before", "after"), [(4, 16), (16, 4), (1, 8), (8, 9)])
def test_about_the_share_of_the_tenants_moves(before: int, after: int) -> None:
    tenants = [f"tenant-{number}" for number in range(4000)]

    counted = moves(tenants, before, after)

    # 4 standard deviations of a share in 4000.
    assert counted.moved / 4000 == pytest.approx(moving_share(before, after), abs=0.032)


def test_growing_moves_tenants_to_new_shards_only() -> None:
    counted = moves([f"tenant-{number}" for number in range(1000)], 4, 16)

    assert all(counted.after[number] <= counted.before[number] for number in range(4))
    assert sum(counted.after[number] for number in range(4, 16)) == counted.moved


@given(st.integers(1, MAX_SHARDS), st.integers(1, MAX_SHARDS))
def test_the_share_is_the_same_both_ways(before: int, after: int) -> None:
    assert moving_share(before, after) == moving_share(after, before)
    assert 0 <= moving_share(before, after) < 1


def test_many_queues_are_named_by_the_first_and_the_last() -> None:
    assert named(shards(polled=range(2))) == "fleet.tenant.00, fleet.tenant.01"
    assert named(shards(polled=range(12))) == "fleet.tenant.00 … fleet.tenant.11 (12 queues)"
