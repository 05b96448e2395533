"""What worker processes say about themselves: `/health` of each that is named."""

from typing import TYPE_CHECKING, Any, Final

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
    if strange := [name for name in _queues(health) if not name.startswith(f"{layout.prefix}.")]:
        problems.append(
            Problem(
                f"{service} polls {', '.join(strange)}, of another fleet than this command asks",
                where,
                "give the worker and this command the same TEMPORAL_QUEUE_PREFIX",
            )
        )
    problems += [
        Problem(f"{service}: {finding}", where, "correct the setting that it names, and restart it")
        for finding in health.get("findings", ())
    ]
    return problems


def _queues(health: "dict[str, Any]") -> list[str]:
    return [queue["name"] for queue in health.get("task_queues", ())]


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
