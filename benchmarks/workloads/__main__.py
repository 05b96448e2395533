"""`python -m benchmarks.workloads`: the workloads that `BENCH_WORKLOADS` names, in one process."""

import os
from unittest import mock

from temporal_common.process import run_process


def main() -> None:
    from benchmarks.workloads.specs import SPECS

    if os.environ.get("BENCH_UNCHECKED"):  # what is measured is just what the check refuses
        mock.patch("temporal_common.service.tuning_findings", return_value=[]).start()
    names = os.environ["BENCH_WORKLOADS"].split(",")
    run_process("bench-" + "-".join(names), [SPECS[name] for name in names], health_port=0)


if __name__ == "__main__":
    main()
