"""Plots put numbers where they belong, and survive numbers that are not there."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from inhouse.reporting.plots import Axis, Curve, Interval, curves_svg, interval_rows, ticks

_NUMBERS = st.floats(-1e6, 1e6)


@given(st.lists(_NUMBERS, min_size=1), st.booleans())
def test_every_value_lies_inside_the_axis(values: list[float], zero: bool) -> None:
    axis = Axis.around(values, zero=zero)
    assert all(0 < axis.percent(value) < 100 for value in values)
    assert not zero or 0 < axis.percent(0.0) < 100


@given(_NUMBERS, st.floats(1e-3, 1e6))
def test_ticks_are_inside_ordered_and_few(low: float, width: float) -> None:
    axis = Axis(low, low + width)
    places = ticks(axis)
    assert places == sorted(places)
    assert 2 <= len(places) <= 6
    assert all(axis.low - 1e-9 * width <= place <= axis.high + 1e-9 * width for place in places)


def test_an_interval_is_drawn_from_its_low_to_its_high_end() -> None:
    (row,) = interval_rows([Interval("tuned - base", -1.0, -2.0, 0.0, 7)], zero=True)
    axis = Axis.around([-2.0, 0.0], zero=True)
    assert row["left"] == axis.percent(-2.0)
    assert row["dot"] == axis.percent(-1.0) == 50.0
    assert row["zero"] == axis.percent(0.0)
    assert row["interval"] == "-2.000 to +0.000"


def test_equal_numbers_do_not_divide_by_zero() -> None:
    rows = interval_rows([Interval("base", 0.0, 0.0, 0.0, 1)], zero=True)
    assert rows[0]["dot"] == 50.0


def test_names_from_a_repository_are_escaped() -> None:
    svg = str(curves_svg([Curve("<script>", [(0, 1), (1, 2)])], "step", "loss"))
    assert "<script>" not in svg
    assert "&lt;script&gt;" in svg


def test_an_empty_curve_says_so_and_nan_is_left_out() -> None:
    assert "nothing was recorded" in curves_svg([], "step", "loss")
    assert "nan" not in curves_svg([Curve("train", [(0, 1.0), (1, math.nan), (2, 2.0)])], "step", "loss")
