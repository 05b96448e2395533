"""Settings of workers in this command's own environment: do they go together?

A service declares defaults of its own, which are not known here. So what is set is compared with
what is set; the pool of connections also with what workers report.
"""

import os
import re
from collections.abc import Collection, Iterator
from typing import Final

from fleetctl.checks.verdicts import Checked, Problem, judged, left_out, unknown

SETTINGS: Final = "settings"

_POOL: Final = "DATABASE_POOL_SIZE"
_SLOTS: Final = "WORKER_MAX_CONCURRENT_ACTIVITIES"
_OF_WORKERS: Final = ("WORKER_", _POOL, "TEMPORAL_DEPLOYMENT_NAME")
_NAMED: Final = re.compile(r"\b([A-Z]+(?:_[A-Z]+)+)=")
_WHERE: Final = "environment of this command"


def check_settings(shards: int, reported_slots: Collection[int]) -> Checked:
    """Those that are set here.

    Args:
        shards: `TEMPORAL_QUEUE_SHARDS`.
        reported_slots: Activities that workers of the fleet do at once, as they say.
    """
    given = sorted(name for name in os.environ if name.startswith(_OF_WORKERS))
    if not given:
        return left_out(SETTINGS, "no setting of workers in this environment")
    problems = [Problem(what, _WHERE, mend) for what, mend in _findings(shards, reported_slots)]
    if not problems and _POOL in given and _SLOTS not in given and not reported_slots:
        return unknown(
            SETTINGS,
            f"whether {_POOL}={os.environ[_POOL]} is enough: no worker has told yet how many "
            f"activities it does at once; set {_SLOTS}, or name a worker with --health",
        )
    return judged(SETTINGS, ", ".join(given), problems)


def _findings(shards: int, reported_slots: Collection[int]) -> Iterator[tuple[str, str]]:
    from temporal_common.errors import SettingsError
    from temporal_common.settings import load
    from temporal_common.tuning import Tuning, load_tuning
    from temporal_common.tuning_checks import tuning_findings
    from temporal_common.versioning import load_version
    from tenant_catalog.settings import DatabaseSettings

    try:
        version = load_version()
        tuning = load_tuning(Tuning())
        pool_size = load(DatabaseSettings).pool_size
    except SettingsError as error:
        for line in str(error).splitlines():
            yield line, "set a value that is valid, or remove it"
        return
    for finding in tuning_findings(
        tuning, pool_size=pool_size, queues=shards, versioned=version is not None
    ):
        if all(name in os.environ for name in _NAMED.findall(finding)):
            yield split(finding)
    # Which of the workers these settings are for is not known; this is too little for each.
    slots = min(reported_slots, default=0)
    if pool_size is not None and _SLOTS not in os.environ and pool_size < slots:
        yield (
            f"{_POOL}={pool_size} is below the {slots} activities that workers of the fleet do at "
            "once: they take a slot and wait for a connection until they fail",
            f"raise it to {slots}, or lower {_SLOTS} of the workers to {pool_size}",
        )


def split(finding: str) -> tuple[str, str]:
    """A finding of `tuning_checks`: what is wrong, and how to mend it."""
    what, _, mend = finding.rpartition("; ")
    return what, mend
