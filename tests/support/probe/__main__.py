"""`python -m tests.support.probe`."""

import os
from datetime import timedelta
from typing import TYPE_CHECKING
from unittest import mock

from temporal_common.entrypoint import main

if TYPE_CHECKING:
    from temporal_common.worker import WorkerSpec


def load_spec() -> "WorkerSpec":
    if seconds := os.environ.get("PROBE_HARD_DEADLINE_MARGIN"):
        # Ten seconds is right for a service and long for a test.
        mock.patch(
            "temporal_common.tuning.HARD_DEADLINE_MARGIN", timedelta(seconds=float(seconds))
        ).start()
    from tests.support.probe.worker import PROBE

    return PROBE


if __name__ == "__main__":
    main(load_spec, health_port=0)
