"""When an adopted queue is let go; the rest of adoption is tested on a real server."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import pytest
from temporalio.client import Client

from temporal_common import adoption
from temporal_common.adoption import Adoption
from temporal_common.queues import TENANT, QueueLayout, TaskQueue
from temporal_common.settings import ShardSettings

LEFT = QueueLayout(shards=8).task_queue(TENANT, 5)


async def test_only_looks_in_a_row_that_find_it_empty_let_a_queue_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[str] = []
    left: list[TaskQueue] = []

    async def left_queues(*_: object) -> list[TaskQueue]:
        return left

    async def empty_state(*_: object) -> SimpleNamespace:
        return SimpleNamespace(empty=True)

    async def adopt(queues: Sequence[TaskQueue]) -> None:
        done.append("adopted")

    async def release(queue: TaskQueue) -> None:
        done.append("released")

    monkeypatch.setattr(adoption, "left_queues", left_queues)
    monkeypatch.setattr(adoption, "queue_state", empty_state)
    adopting = Adoption(
        cast(Client, None),
        QueueLayout(shards=2),
        TENANT,
        ShardSettings(),
        adopt=adopt,
        release=release,
    )
    for holds_work in (True, False, True, False):
        left = [LEFT] if holds_work else []
        await adopting.look()
    assert done == ["adopted"]

    await adopting.look()
    assert done == ["adopted", "released"]
