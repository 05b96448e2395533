"""fleetctl doctor as the tests run it, and what it found."""

from collections.abc import Mapping
from typing import Any

from tests.support.commands import Finished, fleetctl_in_pipe

QUEUES_ALONE = ("--no-probe", "--no-database")
"""Options of a doctor that is to be quick: what they leave out has tests of its own."""


async def doctor(*options: str, settings: Mapping[str, str]) -> Finished:
    return await fleetctl_in_pipe("doctor", "--json", *options, settings=settings, within=60)


def check(ended: Finished, name: str) -> dict[str, Any]:
    [found] = [check for check in ended.document["checks"] if check["check"] == name]
    return dict(found)


def the_problem(ended: Finished, name: str) -> dict[str, str]:
    """The only one of a check."""
    found = check(ended, name)
    assert found["verdict"] == "problem"
    [problem] = found["problems"]
    return dict(problem)
