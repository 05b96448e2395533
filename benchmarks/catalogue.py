"""All benchmarks, in the order of `all`."""

from collections.abc import Sequence
from typing import Final

from benchmarks.frame.benchmark import Benchmark
from benchmarks.measures import isolation, provisioning, worker_process

BENCHMARKS: Final[Sequence[Benchmark]] = (
    isolation.BENCHMARK,
    provisioning.BENCHMARK,
    worker_process.BENCHMARK,
)
