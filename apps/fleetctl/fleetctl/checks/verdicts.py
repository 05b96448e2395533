"""What a check found."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    OK = "ok"
    PROBLEM = "problem"
    UNKNOWN = "could not check"
    LEFT_OUT = "left out"
    """By an option, or because what it looks at is not there."""


@dataclass(frozen=True)
class Problem:
    """Something that is wrong, for a person who is to mend it."""

    what: str
    where: str
    mend: str


@dataclass(frozen=True)
class Checked:
    """The verdict of one check."""

    check: str
    """Its name, stable: scripts select by it."""
    verdict: Verdict
    detail: str
    """What was seen. For a person; may change."""
    problems: tuple[Problem, ...] = ()


def ok(check: str, detail: str) -> Checked:
    return Checked(check, Verdict.OK, detail)


def left_out(check: str, why: str) -> Checked:
    return Checked(check, Verdict.LEFT_OUT, why)


def unknown(check: str, why: str) -> Checked:
    return Checked(check, Verdict.UNKNOWN, why)


def judged(check: str, detail: str, problems: Iterable[Problem]) -> Checked:
    """A problem if there are any, else ok."""
    found = tuple(problems)
    return Checked(check, Verdict.PROBLEM if found else Verdict.OK, detail, found)
