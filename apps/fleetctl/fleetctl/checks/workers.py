"""What worker processes say about themselves: `/health` of each that is named."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from fleetctl.checks.settings import split
from fleetctl.checks.verdicts import Checked, Problem, judged, left_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from temporal_common.queues import QueueLayout

WORKERS: Final = "workers"
_TIMEOUT: Final = 5.0
"""Seconds until a health server that does not answer is away."""


async def check_workers(urls: "Sequence[str]", layout: "QueueLayout") -> Checked:
    """The workers at these addresses of `/health`."""
    if not urls:
        return left_out(WORKERS, "name them with --health URL")
    problems: list[Problem] = []
    seen: list[str] = []
    for url in urls:
        health = await _ask(url)
        if isinstance(health, str):
            problems.append(
                Problem(
                    f"no worker answers at {url}: {health}",
                    url,
                    "start it, or correct the address of its health server (HEALTH_PORT)",
                )
            )
            continue
        build = health.get("build_id")
        seen.append(f"{health.get('service')} {build or health.get('version')}")
        problems += findings(health, url, layout)
    return judged(WORKERS, ", ".join(seen) or "none answers", problems)


def findings(health: "dict[str, Any]", url: str, layout: "QueueLayout") -> list[Problem]:
    """What is wrong with a worker, by its document of `/health`."""
    where = f"{health.get('identity', '')} at {url}"
    service = health.get("service", "the worker")
    problems = []
    if not health.get("live", True):
        problems.append(
            Problem(
                f"{service} is not live: {health.get('reason')}",
                where,
                "restart it; its log says more",
            )
        )
    elif health.get("state") != "ready":
        problems.append(
            Problem(
                f"{service} is {health.get('state')}: {health.get('reason')}",
                where,
                "see its log; it polls when it is ready",
            )
        )
    return [*problems, *_layout(health, layout, service, where), *_tuning(health, service, where)]


def _layout(
    health: "dict[str, Any]", layout: "QueueLayout", service: str, where: str
) -> Iterator[Problem]:
    """Whether it polls the queues that this command, as a client, sends work to."""
    theirs = health.get("layout", {})
    for name, variable in (
        ("prefix", "TEMPORAL_QUEUE_PREFIX"),
        ("shards", "TEMPORAL_QUEUE_SHARDS"),
    ):
        mine = getattr(layout, name)
        if theirs.get(name, mine) != mine:
            yield Problem(
                f"{service} has {variable}={theirs[name]}, this command has {mine}",
                where,
                "give all workers and clients the same; another number of shards goes by: "
                "fleetctl shards plan"
                if name == "shards"
                else "give all workers and clients the same",
            )


def _tuning(health: "dict[str, Any]", service: str, where: str) -> Iterator[Problem]:
    from pydantic import ValidationError

    from temporal_common.tuning import Tuning
    from temporal_common.tuning_checks import tuning_findings

    for workload, values in health.get("tuning", {}).items():
        try:
            tuning = Tuning(**values)
        except ValidationError:
            continue  # of another release, which has other limits
        for finding in tuning_findings(tuning, pool_size=values.get("database_pool_size")):
            what, mend = split(finding)
            yield Problem(f"{service}, workload {workload}: {what}", where, mend)


async def _ask(url: str) -> "dict[str, Any] | str":
    """The document, or why there is none."""
    import aiohttp

    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT)) as session,
            session.get(url) as answer,
        ):
            document = await answer.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return " ".join(str(error).split()) or "no answer in time"
    if not isinstance(document, dict) or "state" not in document:
        return f"its answer is not that of a worker's /health (HTTP {answer.status})"
    return document
