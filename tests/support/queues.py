"""Work that waits on a task queue, without a worker that would do it."""

import asyncio
from uuid import uuid4

from temporalio.client import Client

from temporal_common.queue_state import running_workflows
from temporal_common.queues import TaskQueue
from temporal_common.routing import Route, RoutedPriority

# Between two questions: visibility gives no event when it has caught up.
_AGAIN = 0.05


async def start_work(client: Client, queue: TaskQueue, count: int = 1) -> None:
    """Starts workflows that no worker knows, and waits until visibility counts them."""
    before = await running_workflows(client, queue.name)
    route = Route(queue.name, RoutedPriority())
    for _ in range(count):
        await client.start_workflow("NoSuchWorkflow", id=uuid4().hex, **route.options())
    await until_running(client, queue, before + count)


async def until_running(client: Client, queue: TaskQueue, count: int) -> None:
    """Until so many workflows run on the queue. Raises TimeoutError after 20 s."""
    async with asyncio.timeout(20):
        while await running_workflows(client, queue.name) != count:  # noqa: ASYNC110
            await asyncio.sleep(_AGAIN)
