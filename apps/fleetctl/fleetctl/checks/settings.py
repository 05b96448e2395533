"""Settings of workers in this command's own environment: do they go together?"""

import os
import re
from collections.abc import Iterator
from typing import Final

from fleetctl.checks.verdicts import Checked, Problem, judged, left_out

SETTINGS: Final = "settings"

_OF_WORKERS: Final = ("WORKER_", "DATABASE_POOL_SIZE", "TEMPORAL_DEPLOYMENT_NAME")
_NAMED: Final = re.compile(r"\b([A-Z]+(?:_[A-Z]+)+)=")
_WHERE: Final = "environment of this command"


def check_settings(shards: int) -> Checked:
    """Those that are set here. `shards` is `TEMPORAL_QUEUE_SHARDS`."""
    given = sorted(name for name in os.environ if name.startswith(_OF_WORKERS))
    if not given:
        return left_out(SETTINGS, "no setting of workers in this environment")
    problems = [Problem(what, _WHERE, mend) for what, mend in _findings(shards)]
    return judged(SETTINGS, f"{', '.join(given)}", problems)


def _findings(shards: int) -> Iterator[tuple[str, str]]:
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
        # A service declares defaults of its own, which are not known here: only what is set here
        # can be compared.
        if all(name in os.environ for name in _NAMED.findall(finding)):
            yield split(finding)


def split(finding: str) -> tuple[str, str]:
    """A finding of `tuning_checks`: what is wrong, and how to mend it."""
    what, _, mend = finding.rpartition("; ")
    return what, mend
