"""`python -m worker_jobs`."""

from typing import TYPE_CHECKING

from temporal_common.entrypoint import main

if TYPE_CHECKING:
    from temporal_common.worker import WorkerSpec


def load_spec() -> "WorkerSpec":
    from worker_jobs.worker import WORKER

    return WORKER


if __name__ == "__main__":
    main(load_spec, health_port=8082)
