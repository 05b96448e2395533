"""Medians, ratios, percentiles and bounds."""

import pytest

from benchmarks.frame.figures import Figure, milliseconds, percentile, ratio, short


def test_a_bound_is_asked_of_the_median() -> None:
    assert Figure("speed", "x", [1, 60, 70], at_least=50).holds
    assert not Figure("speed", "x", [1, 2, 70], at_least=50).holds
    assert not Figure("share", "x", [0.1, 0.8, 0.9], at_most=0.75).holds


def test_a_bound_is_asked_of_every_round_where_the_figure_says_so() -> None:
    lost = Figure("lost", "", [0, 0, 1], at_most=0, every_round=True)
    assert lost.median == 0
    assert not lost.holds


def test_a_figure_without_a_bound_has_no_verdict() -> None:
    figure = Figure("time", "ms", [3, 1, 2])
    assert (figure.holds, figure.verdict, figure.bound) == (True, "", "")
    assert str(figure) == "time: 2 ms [1-3]"


def test_a_figure_says_its_bound_and_whether_it_holds() -> None:
    assert str(Figure("gain", "x", [40], at_least=50)) == (
        "gain: 40 x [40-40], must be >= 50: MISSED"
    )


def test_a_figure_needs_a_round() -> None:
    with pytest.raises(ValueError, match="no rounds"):
        Figure("time", "ms", [])


def test_a_ratio_is_taken_within_a_round() -> None:
    assert ratio("gain", [10, 100], [1, 50]).rounds == [10, 2]


def test_sides_with_different_rounds_have_no_ratio() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratio("gain", [10, 100], [1])


def test_seconds_become_milliseconds() -> None:
    assert milliseconds("time", [0.25]).rounds == [250]


@pytest.mark.parametrize(
    ("percent", "value"), [(0, 1), (1, 1), (50, 50), (99, 99), (99.5, 100), (100, 100)]
)
def test_a_percentile_is_the_nearest_rank(percent: float, value: float) -> None:
    assert percentile(list(range(100, 0, -1)), percent) == value


def test_the_99th_percentile_of_few_values_is_the_largest() -> None:
    assert percentile([3, 9, 1], 99) == 9


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (23801.4, "23801"), (344.2, "344"), (42.34, "42.3"), (0.04399, "0.044"), (50, "50")],
)
def test_a_number_is_written_with_three_digits(value: float, text: str) -> None:
    assert short(value) == text
