"""Whether the server serves tenants fairly: its flags, by what they do."""

from collections import Counter
from typing import TYPE_CHECKING, Final

from fleetctl.checks.fairness_probe import MAX_PARTITIONS, ProbeFailed, probe
from fleetctl.checks.verdicts import Checked, Problem, judged, left_out, ok, unknown
from fleetctl.spans import untraced

if TYPE_CHECKING:
    from temporalio.client import Client

    from temporal_common.queues import QueueLayout

PARTITIONS: Final = "partitions"
FAIRNESS: Final = "fairness"
PRIORITY: Final = "priority"

_CONFIG: Final = "dynamic configuration of the Temporal server"
_FOR_ALL: Final = "for the cluster or the namespace, not for single task queues"
_NO_PROBE: Final = "--no-probe"


async def check_fairness(
    client: "Client", layout: "QueueLayout", *, probing: bool
) -> list[Checked]:
    """Partitions of the tenants' queues, fairness keys and priority keys.

    Raises:
        RPCError: the server refused the workflows of the probe, or does not answer.
    """
    partitions = await _check_partitions(client, layout)
    if not probing:
        return [partitions, left_out(FAIRNESS, _NO_PROBE), left_out(PRIORITY, _NO_PROBE)]
    return [partitions, *await _check_order(client, layout)]


async def _check_partitions(client: "Client", layout: "QueueLayout") -> Checked:
    from temporal_common.queues import TENANT

    counts: Counter[int] = Counter()
    for queue in layout.task_queues(TENANT):
        count = await _partitions(client, queue.name)
        if count is None:
            return left_out(PARTITIONS, "this server does not list the partitions of a task queue")
        counts[count] += 1
    if set(counts) == {1}:
        return ok(PARTITIONS, "one for each task queue of tenants")
    seen = ", ".join(
        f"{count} on {queues} of the queues" for count, queues in sorted(counts.items())
    )
    return judged(
        PARTITIONS,
        seen,
        [
            Problem(
                "the tenants' task queues have several partitions, and the server is fair and "
                "keeps priorities within each of them alone",
                _CONFIG,
                "set matching.numTaskqueueReadPartitions and matching.numTaskqueueWritePartitions "
                f"to 1, {_FOR_ALL}; a queue that holds work is switched with the write partitions "
                "first, the read partitions when the others are empty",
            )
        ],
    )


async def _check_order(client: "Client", layout: "QueueLayout") -> list[Checked]:
    # Where the server does not say it: the default, with which one partition is told as well.
    partitions = await _partitions(client, f"{layout.prefix}.doctor") or 4
    if partitions > MAX_PARTITIONS:
        why = f"a probe cannot tell with {partitions} partitions; see there"
        return [unknown(FAIRNESS, why), unknown(PRIORITY, why)]
    try:
        with untraced():
            found = await probe(client, layout.prefix, partitions)
    except ProbeFailed as failed:
        return [unknown(FAIRNESS, str(failed)), unknown(PRIORITY, str(failed))]
    within = "" if partitions == 1 else " within a partition"
    unfair = Problem(
        "the server takes fairness keys and ignores them: a tenant with much work holds up all "
        "others",
        _CONFIG,
        f"set matching.enableFairness to true, {_FOR_ALL}",
    )
    unordered = Problem(
        "the server ignores priority keys: bulk work holds up what people wait for",
        _CONFIG,
        f"set matching.useNewMatcher to true, {_FOR_ALL}; it is the default since 1.31",
    )
    return [
        judged(
            FAIRNESS,
            f"tenants {'take turns' if found.fair else 'wait in line'}{within}, by a probe",
            [] if found.fair else [unfair],
        ),
        judged(
            PRIORITY,
            f"urgent work {'comes first' if found.prioritized else 'waits in line'}{within}, "
            "by a probe",
            [] if found.prioritized else [unordered],
        ),
    ]


async def _partitions(client: "Client", queue: str) -> int | None:
    """How many a queue has, the more of both types; None where the server does not say."""
    from datetime import timedelta

    from temporalio.api.taskqueue.v1 import TaskQueue
    from temporalio.api.workflowservice.v1 import ListTaskQueuePartitionsRequest
    from temporalio.service import RPCError, RPCStatusCode

    try:
        answer = await client.workflow_service.list_task_queue_partitions(
            ListTaskQueuePartitionsRequest(
                namespace=client.namespace, task_queue=TaskQueue(name=queue)
            ),
            timeout=timedelta(seconds=10),
        )
    except RPCError as error:
        if error.status in (RPCStatusCode.UNIMPLEMENTED, RPCStatusCode.PERMISSION_DENIED):
            return None
        raise
    return max(
        len(answer.workflow_task_queue_partitions), len(answer.activity_task_queue_partitions)
    )
