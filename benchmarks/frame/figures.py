"""A figure: one number per round, their median and spread, and the bound that is promised."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One figure over the rounds of a benchmark.

    A bound is what the project promises of the median, or of every round where `every_round` is
    set: for counts that must be exact, such as lost workflows.
    """

    name: str
    unit: str
    """`x` for a ratio, else `ms`, `s`, `MB` and the like; empty for a plain count."""
    rounds: Sequence[float]
    at_least: float | None = None
    at_most: float | None = None
    every_round: bool = False

    def __post_init__(self) -> None:
        if not self.rounds:
            raise ValueError(f"{self.name!r} has no rounds")

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def bounded(self) -> bool:
        return self.at_least is not None or self.at_most is not None

    @property
    def holds(self) -> bool:
        """Whether the bounds hold; a figure without one always does."""
        judged = self.rounds if self.every_round else [self.median]
        return all(self._within(value) for value in judged)

    @property
    def bound(self) -> str:
        """`>= 50`, `<= 0.75`, or empty."""
        parts = []
        if self.at_least is not None:
            parts.append(f">= {short(self.at_least)}")
        if self.at_most is not None:
            parts.append(f"<= {short(self.at_most)}")
        return " and ".join(parts)

    @property
    def spread(self) -> str:
        return f"{short(min(self.rounds))}-{short(max(self.rounds))}"

    @property
    def verdict(self) -> str:
        """Empty for a figure without a bound."""
        if not self.bounded:
            return ""
        return "holds" if self.holds else "MISSED"

    def __str__(self) -> str:
        number = " ".join(filter(None, [short(self.median), self.unit]))
        bound = f", must be {self.bound}: {self.verdict}" if self.bounded else ""
        return f"{self.name}: {number} [{self.spread}]{bound}"

    def _within(self, value: float) -> bool:
        return (self.at_least is None or value >= self.at_least) and (
            self.at_most is None or value <= self.at_most
        )


def ratio(
    name: str,
    over: Sequence[float],
    under: Sequence[float],
    *,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Figure:
    """`over` ÷ `under`, round by round: both sides of a round saw the same machine."""
    quotients = [a / b for a, b in zip(over, under, strict=True)]
    return Figure(name, "x", quotients, at_least=at_least, at_most=at_most)


def milliseconds(name: str, seconds: Sequence[float]) -> Figure:
    """Rounds in seconds as a figure in milliseconds, without a bound."""
    return Figure(name, "ms", [1000 * value for value in seconds])


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: the smallest value that `percent` of the values do not exceed.

    p99 of fewer than 100 values is their maximum.
    """
    if not values:
        raise ValueError("no values")
    rank = math.ceil(percent / 100 * len(values))
    return sorted(values)[max(rank, 1) - 1]


def short(value: float) -> str:
    """Three significant digits, never in the form 1e+03."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
