"""Time-outs and retries of worker-tenant's activities. What may be retried, the error decides."""

from datetime import timedelta
from typing import Final

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityConfig

_RETRY: Final = RetryPolicy(
    initial_interval=timedelta(milliseconds=500),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=15),
)
# A dead process is noticed by this; temporal_common.heartbeats beats for the activity.
_HEARTBEAT: Final = timedelta(seconds=10)

STEP: Final = ActivityConfig(
    start_to_close_timeout=timedelta(
        seconds=60
    ),  # above the 30 s of one statement and of its locks
    schedule_to_close_timeout=timedelta(minutes=10),  # then the step has failed for good
    heartbeat_timeout=_HEARTBEAT,
    retry_policy=_RETRY,
)
"""One transaction on the way forward; after ten minutes without a database it is given up."""

PERSISTENT: Final = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=60),
    heartbeat_timeout=_HEARTBEAT,
    retry_policy=_RETRY,
)
"""A step that must be finished however long it takes: taking back, dropping, restoring."""

MAIL: Final = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=45),
    schedule_to_close_timeout=timedelta(minutes=10),
    heartbeat_timeout=_HEARTBEAT,
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(minutes=1),
    ),
)
