"""The parts of the test helpers that need no server; the others are used all over the tests."""

import pytest

from dev_servers.ports import HOST, free_port
from temporal_common.queues import TENANT, QueueLayout, parse_task_queue
from temporal_common.testing import HealthClient, fresh_prefix


def test_a_fresh_prefix_is_valid_and_never_the_same() -> None:
    one, two = fresh_prefix(), fresh_prefix()

    assert one != two
    assert parse_task_queue(QueueLayout(one).task_queue(TENANT).name).prefix == one


async def test_waiting_for_an_answer_ends_with_the_last_one() -> None:
    with pytest.raises(TimeoutError, match="no answer"):
        await HealthClient(f"http://{HOST}:{free_port()}").until(
            "/livez", lambda answer: answer.status == 200, within=0.1
        )
