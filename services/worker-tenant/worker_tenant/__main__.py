"""`python -m worker_tenant`."""

from typing import TYPE_CHECKING

from temporal_common.entrypoint import main

if TYPE_CHECKING:
    from temporal_common.worker import WorkerSpec


def load_spec() -> "WorkerSpec":
    from worker_tenant.worker import WORKER

    return WORKER


if __name__ == "__main__":
    main(load_spec, health_port=8081)
