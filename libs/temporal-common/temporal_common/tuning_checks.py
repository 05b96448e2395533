"""Whether the values of a tuning go together, before anything is connected.

Each of these starts without an error and then costs latency, attempts or work. Figures: measured
with temporalio 1.35 and server 1.32.
"""

from collections.abc import Iterator

from temporal_common.tuning import HARD_DEADLINE_MARGIN, Tuning
from temporal_common.versioning import MAX_QUEUES_OF_A_VERSION


def tuning_findings(
    tuning: Tuning,
    *,
    pool_size: int | None = None,
    queues: int = 1,
    versioned: bool = False,
    limits_tenants: bool = True,
) -> list[str]:
    """A line for each fault: setting, value, what it costs, how to mend it. Empty when all is well.

    Args:
        pool_size: Connections of the database pool; None for as many as activities, or no database.
        queues: Task queues of the workload, of all processes together.
        versioned: Whether Worker Versioning is on.
        limits_tenants: Whether the workload's spec has a `tenant_limiter`.
    """
    return [
        *_polls(tuning),
        *_threads(tuning),
        *_pool(tuning, pool_size),
        *_grace(tuning),
        *_versioned_queues(queues, versioned),
        *_tenant_limit(tuning, limits_tenants),
    ]


def _polls(tuning: Tuning) -> Iterator[str]:
    slots, pollers = tuning.max_concurrent_activities, tuning.activity_pollers
    if slots == 1 or pollers < slots:  # of a single slot nothing can be below
        return
    yield (
        f"WORKER_ACTIVITY_POLLERS={pollers} is not below WORKER_MAX_CONCURRENT_ACTIVITIES={slots}: "
        "idle polls hold every slot, so that no activity starts eagerly, and each takes about "
        f"40 ms longer to begin; set it to {min(5, slots - 1)}, or have more slots"
    )


def _threads(tuning: Tuning) -> Iterator[str]:
    slots, threads = tuning.max_concurrent_activities, tuning.activity_threads
    if threads is not None and threads < slots:
        yield (
            f"WORKER_ACTIVITY_THREADS={threads} is below WORKER_MAX_CONCURRENT_ACTIVITIES={slots}: "
            "synchronous activities take a slot and wait unseen for a thread, on their timeout; "
            "leave it out, which gives each slot a thread, or lower the slots"
        )


def _pool(tuning: Tuning, pool_size: int | None) -> Iterator[str]:
    slots = tuning.max_concurrent_activities
    if pool_size is not None and pool_size < slots:
        yield (
            f"DATABASE_POOL_SIZE={pool_size} is below WORKER_MAX_CONCURRENT_ACTIVITIES={slots}: "
            "activities take a slot and wait for a connection until they fail; raise it to "
            f"{slots}, or lower the slots to {pool_size}"
        )


def _grace(tuning: Tuning) -> Iterator[str]:
    grace, stop = tuning.termination_grace_period, tuning.longest_stop.total_seconds()
    if grace is not None and grace <= stop:
        yield (
            f"WORKER_TERMINATION_GRACE_PERIOD={grace:g} is not above the {stop:g} s that stopping "
            f"may take (WORKER_GRACEFUL_SHUTDOWN_TIMEOUT={tuning.graceful_shutdown_timeout:g} and "
            f"{HARD_DEADLINE_MARGIN.total_seconds():g} s to close): SIGKILL would cut running "
            "activities off; raise the pod's terminationGracePeriodSeconds, or lower the limit"
        )


def _versioned_queues(queues: int, versioned: bool) -> Iterator[str]:
    if versioned and queues > MAX_QUEUES_OF_A_VERSION:
        yield (
            f"TEMPORAL_QUEUE_SHARDS={queues} with Worker Versioning (TEMPORAL_DEPLOYMENT_NAME): a "
            f"version may have {MAX_QUEUES_OF_A_VERSION} task queues, and the server does not "
            f"register the others; set at most {MAX_QUEUES_OF_A_VERSION}, or remove the name"
        )


def _tenant_limit(tuning: Tuning, limits_tenants: bool) -> Iterator[str]:
    limit = tuning.max_concurrent_activities_per_tenant
    if limit is not None and not limits_tenants:
        yield (
            f"WORKER_MAX_CONCURRENT_ACTIVITIES_PER_TENANT={limit} has no effect: nothing in this "
            "workload counts a tenant's activities over all processes; leave it out, or give its "
            "WorkerSpec a tenant_limiter"
        )
