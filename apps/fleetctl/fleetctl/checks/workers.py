"""What worker processes say about themselves: `/health` of each that is named."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fleetctl.checks.settings import split
from fleetctl.checks.verdicts import Checked, Problem, judged, left_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from temporal_common.queues import QueueLayout

WORKERS: Final = "workers"
_TIMEOUT: Final = 5.0
"""Seconds until a health server that does not answer is away."""


@dataclass(frozen=True)
class Answer:
    """What came from one address."""

    url: str
    health: "dict[str, Any]"
    failure: str = ""
    """Why there is no document; empty if there is."""


async def ask_workers(urls: "Sequence[str]") -> list[Answer]:
    return [await _ask(url) for url in urls]


def check_workers(answers: "Sequence[Answer]", layout: "QueueLayout") -> Checked:
    """That they are ready, and set up as they should be."""
    if not answers:
        return left_out(WORKERS, "name them with --health URL")
    problems: list[Problem] = []
    seen: list[str] = []
    for answer in answers:
        if answer.failure:
            problems.append(
                Problem(
                    f"no worker answers at {answer.url}: {answer.failure}",
                    answer.url,
                    "start it, or correct the address of its health server (HEALTH_PORT)",
                )
            )
            continue
        build = answer.health.get("build_id") or answer.health.get("version")
        seen.append(f"{answer.health.get('service')} {build}")
        problems += findings(answer.health, answer.url, layout)
    return judged(WORKERS, ", ".join(seen) or "none answers", problems)


def slots(answers: "Sequence[Answer]") -> list[int]:
    """Activities that each of their workloads does at once."""
    return [
        tuning["max_concurrent_activities"]
        for answer in answers
        for tuning in answer.health.get("tuning", {}).values()
    ]


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


async def _ask(url: str) -> Answer:
    import aiohttp

    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT)) as session,
            session.get(url) as answer,
        ):
            document = await answer.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return Answer(url, {}, " ".join(str(error).split()) or "no answer in time")
    if not isinstance(document, dict) or "state" not in document:
        failure = f"its answer is not that of a worker's /health (HTTP {answer.status})"
        return Answer(url, {}, failure)
    return Answer(url, document)
