"""Names of task queues: built and parsed in one place."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from temporal_common.queues import (
    JOBS,
    MAX_SHARDS,
    TENANT,
    InvalidTaskQueue,
    Kind,
    QueueLayout,
    TaskQueue,
    parse_task_queue,
)

prefixes = st.from_regex(r"[a-z0-9]{1,8}([._-][a-z0-9]{1,8}){0,3}", fullmatch=True)
kinds = st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,8}){0,2}", fullmatch=True)
shards = st.integers(0, MAX_SHARDS - 1)


@given(prefixes, kinds, shards)
def test_what_is_built_is_parsed_to_its_parts(prefix: str, kind: str, shard: int) -> None:
    layout = QueueLayout(prefix, shards=MAX_SHARDS)
    queue = layout.task_queue(Kind(kind, sharded=True), shard)

    assert parse_task_queue(queue.name) == queue == TaskQueue(prefix, kind, shard)


@given(st.one_of(st.text(), st.from_regex(r"[a-z0-9.-]{1,9}\.[a-z-]{1,9}\.\d{1,4}")))
def test_what_is_parsed_is_a_name_that_a_layout_builds(name: str) -> None:
    try:
        queue = parse_task_queue(name)
    except InvalidTaskQueue:
        return
    layout = QueueLayout(queue.prefix, shards=MAX_SHARDS)

    assert layout.task_queue(Kind(queue.kind, sharded=True), queue.shard).name == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "fleet",
        "fleet.tenant",
        "fleet.tenant.",
        "fleet.tenant.0",
        "fleet.tenant.000",
        "fleet.tenant.007",
        "fleet.tenant.1000",
        "fleet.tenant.-1",
        "fleet.tenant.٠١",
        "fleet.Tenant.00",
        "Fleet.tenant.00",
        ".tenant.00",
        "fleet..00",
        "fleet.tenant.00\n",
        " fleet.tenant.00",
        "x" * 65 + ".tenant.00",
    ],
)
def test_a_name_that_no_layout_builds_is_refused(name: str) -> None:
    with pytest.raises(InvalidTaskQueue, match=re.escape(repr(name))):
        parse_task_queue(name)


@pytest.mark.parametrize("prefix", ["", "Fleet", "-fleet", "fleet-", "a..b", "a b", "ä", "x" * 65])
def test_a_prefix_that_would_make_ambiguous_names_is_refused(prefix: str) -> None:
    with pytest.raises(InvalidTaskQueue, match="not a queue prefix; valid: lower-case"):
        QueueLayout(prefix)


@pytest.mark.parametrize("name", ["", "Tenant", "0jobs", "a_b", "a.b", "a--b", "a-"])
def test_a_kind_that_could_not_be_parsed_back_is_refused(name: str) -> None:
    with pytest.raises(InvalidTaskQueue, match="not a kind of work"):
        Kind(name, sharded=True)


@pytest.mark.parametrize("count", [-1, 0, MAX_SHARDS + 1])
def test_a_layout_has_1_to_1000_shards(count: int) -> None:
    with pytest.raises(InvalidTaskQueue, match=f"{count} shards; valid: 1 to 1000"):
        QueueLayout(shards=count)


def test_only_work_of_tenants_is_sharded() -> None:
    layout = QueueLayout("fleet", shards=3)

    assert [queue.name for queue in layout.task_queues(TENANT)] == [
        "fleet.tenant.00",
        "fleet.tenant.01",
        "fleet.tenant.02",
    ]
    assert [queue.name for queue in layout.task_queues(JOBS)] == ["fleet.jobs.00"]


@pytest.mark.parametrize(("kind", "shard"), [(TENANT, 4), (TENANT, -1), (JOBS, 1)])
def test_a_shard_that_the_layout_does_not_have_is_refused(kind: Kind, shard: int) -> None:
    with pytest.raises(InvalidTaskQueue, match=f"{kind.name} has no shard {shard}; valid: 0 to"):
        QueueLayout(shards=4).task_queue(kind, shard)
