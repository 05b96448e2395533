"""`python -m benchmarks.workloads`: the workloads that `BENCH_WORKLOADS` names, in one process."""

import os

from temporal_common.process import run_process


def main() -> None:
    from benchmarks.workloads.specs import SPECS

    names = os.environ["BENCH_WORKLOADS"].split(",")
    run_process("bench-" + "-".join(names), [SPECS[name] for name in names], health_port=0)


if __name__ == "__main__":
    main()
