"""Draws a result as SVG: one panel for each unit, one row for each figure.

A dot is a round, the line runs from the smallest to the largest, the tick is the median; the dashed
line is the bound. Written by hand, because a plotting library would add some 60 MB to every
environment that Pants builds of the lock.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import Final

from benchmarks.frame.figures import Figure, short
from benchmarks.frame.results import Result

_WIDTH: Final = 900
_LEFT: Final = 440  # of the names
_RIGHT: Final = 110  # of the medians
_ROW: Final = 30
_HEAD: Final = 46
_AXIS: Final = 40
_INK, _GREY, _DOT, _BOUND, _MISSED = "#1f2933", "#8693a0", "#2f6fb5", "#2e8b57", "#c0392b"
_WIDE_RANGE: Final = 12  # from here on an axis is logarithmic


def draw(result: Result) -> str:
    panels = _by_unit(result.figures)
    height = _HEAD + sum(_ROW * len(figures) + _AXIS for figures in panels.values())
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" role="img" font-family="sans-serif" font-size="13">',
        f"<title>{escape(result.last_line)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(16, 28, result.benchmark, size=17, weight="bold"),
    ]
    top = _HEAD
    for unit, figures in panels.items():
        parts += _panel(unit, figures, top)
        top += _ROW * len(figures) + _AXIS
    return "\n".join([*parts, "</svg>", ""])


def _by_unit(figures: Sequence[Figure]) -> dict[str, list[Figure]]:
    panels: dict[str, list[Figure]] = {}
    for figure in figures:
        panels.setdefault(figure.unit, []).append(figure)
    return panels


def _panel(unit: str, figures: Sequence[Figure], top: int) -> Iterator[str]:
    place, ticks = _axis(figures)
    bottom = top + _ROW * len(figures)
    for tick in ticks:
        x = place(tick)
        yield _line(x, top, x, bottom, "#e4e7eb")
        yield _text(
            x, bottom + 16, f"{short(tick)} {unit}".strip(), color=_GREY, size=11, at="middle"
        )
    for number, figure in enumerate(figures):
        yield from _row(figure, place, top + _ROW * number + _ROW / 2)


def _row(figure: Figure, place: Callable[[float], float], y: float) -> Iterator[str]:
    color = _DOT if figure.holds else _MISSED
    yield _text(_LEFT - 14, y + 4, figure.name, at="end", size=12)
    for bound in (figure.at_least, figure.at_most):
        if bound is not None:
            x = place(bound)
            yield _line(x, y - 13, x, y + 13, _BOUND, 'stroke-width="2" stroke-dasharray="4 3"')
    smallest, largest = place(min(figure.rounds)), place(max(figure.rounds))
    yield _line(smallest, y, largest, y, color, 'stroke-width="2"')
    for value in figure.rounds:
        yield f'<circle cx="{place(value):.1f}" cy="{y:.1f}" r="4" fill="{color}" opacity="0.45"/>'
    median = place(figure.median)
    yield _line(median, y - 9, median, y + 9, color, 'stroke-width="3"')
    label = f"{short(figure.median)} {figure.unit}".strip()
    yield _text(_WIDTH - 12, y + 4, label, at="end", weight="bold", color=color)


def _axis(figures: Sequence[Figure]) -> tuple[Callable[[float], float], list[float]]:
    """Where a value lies, and the values to mark."""
    values = [value for figure in figures for value in figure.rounds]
    values += [
        bound
        for figure in figures
        for bound in (figure.at_least, figure.at_most)
        if bound is not None
    ]
    span = _WIDTH - _LEFT - _RIGHT
    low, high = min(values), max(values)
    if low > 0 and high / low >= _WIDE_RANGE:
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))

        def logarithmic(value: float) -> float:
            return _LEFT + span * (math.log10(value) - first) / (last - first)

        return logarithmic, [10.0**power for power in range(first, last + 1)]
    step = _step(high)
    steps = max(1, math.ceil(high / step))

    def linear(value: float) -> float:
        return _LEFT + span * value / (step * steps)

    return linear, [step * number for number in range(steps + 1)]


def _step(high: float) -> float:
    """A round distance of marks, so that there are three to six of them."""
    if high <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(high))
    return next(power * part for part in (0.2, 0.5, 1, 2) if high / (power * part) <= 6)


def _line(x1: float, y1: float, x2: float, y2: float, color: str, more: str = "") -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}" {more}/>'
    )


def _text(
    x: float,
    y: float,
    text: str,
    *,
    color: str = _INK,
    size: int = 13,
    at: str = "start",
    weight: str = "normal",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{color}" font-size="{size}" '
        f'font-weight="{weight}" text-anchor="{at}">{escape(text)}</text>'
    )
