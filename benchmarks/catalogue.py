"""All benchmarks, in the order of `all`."""

from collections.abc import Sequence
from typing import Final

from benchmarks.frame.benchmark import Benchmark
from benchmarks.measures import (
    blocked_loop,
    dispatch,
    drain,
    fairness,
    images,
    isolation,
    overhead,
    provisioning,
    replicas,
    reshard,
    shards,
    startup,
    worker_process,
)

BENCHMARKS: Final[Sequence[Benchmark]] = (
    isolation.BENCHMARK,
    blocked_loop.BENCHMARK,
    fairness.BENCHMARK,
    overhead.BENCHMARK,
    dispatch.BENCHMARK,
    startup.BENCHMARK,
    shards.BENCHMARK,
    reshard.BENCHMARK,
    drain.BENCHMARK,
    replicas.BENCHMARK,
    provisioning.BENCHMARK,
    worker_process.BENCHMARK,
    images.BENCHMARK,
)
