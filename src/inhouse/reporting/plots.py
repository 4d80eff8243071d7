"""Plots as plain HTML and SVG: no script, no outside file, sharp on paper.

Positions are shares of the width in percent, so that the browser and not this module decides how wide a plot
is; words stay outside the SVG so that they keep their size on a phone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Axis", "Curve", "Interval", "Point", "curves_svg", "interval_rows", "points_svg", "ticks"]

_WIDTH = 600.0
_HEIGHT = 200.0
_DASHES = ("", "6 4", "2 3", "9 3 2 3", "12 4")


@dataclass(frozen=True, slots=True)
class Interval:
    """A named value with its interval, in the unit of the plot."""

    name: str
    value: float
    low: float
    high: float
    n: int
    tone: str = "plain"  # good, bad, plain


@dataclass(frozen=True, slots=True)
class Axis:
    """A stretch of numbers that is mapped to 0-100 percent."""

    low: float
    high: float

    @classmethod
    def around(cls, values: Sequence[float], *, zero: bool = False) -> Axis:
        """Return an axis that holds all values (and zero when asked) with a margin of 8% on each side."""
        inside = [value for value in values if math.isfinite(value)] + ([0.0] if zero else [])
        low, high = (min(inside), max(inside)) if inside else (0.0, 1.0)
        margin = 0.08 * (high - low) or 0.5
        return cls(low - margin, high + margin)

    def percent(self, value: float) -> float:
        """Return where a value lies, from 0 to 100."""
        return round(100 * min(1.0, max(0.0, (value - self.low) / (self.high - self.low))), 2)


@dataclass(frozen=True, slots=True)
class Curve:
    """A named line through points (x, y)."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Point:
    """A named place, marked by a short text."""

    name: str
    mark: str
    x: float
    y: float
    tone: str = "plain"  # good, bad, plain


def ticks(axis: Axis, wanted: int = 5) -> list[float]:
    """Return about `wanted` round numbers inside the axis, spaced by 1, 2 or 5 times a power of ten."""
    raw = (axis.high - axis.low) / wanted
    power = 10 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
    first = math.ceil(axis.low / step)
    return [round(number * step, 12) for number in range(first, math.floor(axis.high / step) + 1)]


def interval_rows(
    intervals: Sequence[Interval], *, zero: bool, digits: int = 3, unit: str = ""
) -> list[dict[str, object]]:
    """Return what the template needs to draw each interval as a bar with a dot, all on one axis.

    `unit` follows the value, as in "%".
    """
    axis = Axis.around([edge for item in intervals for edge in (item.low, item.high)], zero=zero)
    sign = "+" if zero else ""
    return [
        {
            "name": item.name,
            "tone": item.tone,
            "dot": axis.percent(item.value),
            "left": axis.percent(item.low),
            "width": round(axis.percent(item.high) - axis.percent(item.low), 2),
            "zero": axis.percent(0.0) if zero else None,
            "value": f"{item.value:{sign}.{digits}f}{unit}",
            "interval": f"{item.low:{sign}.{digits}f} to {item.high:{sign}.{digits}f}",
            "n": item.n,
        }
        for item in intervals
    ]


def curves_svg(curves: Sequence[Curve], x_name: str, y_name: str) -> Markup:
    """Return lines over a common pair of axes; curves differ by dash as well as by shade, for paper."""
    points = [point for curve in curves for point in curve.points]
    if not points:
        return Markup("<p class='quiet'>nothing was recorded</p>")
    x_axis = Axis.around([x for x, _ in points])
    y_axis = Axis.around([y for _, y in points])
    lines = Markup("").join(_polyline(curve, number, x_axis, y_axis) for number, curve in enumerate(curves))
    grid = Markup("").join(_grid_line(y_axis, value) for value in ticks(y_axis, 4))
    labels, x_labels = _labels(y_axis, "bottom", 4), _labels(x_axis, "left", 5)
    legend = Markup("").join(
        Markup("<span class='key key{}'>{}</span>").format(number, curve.name)
        for number, curve in enumerate(curves)
    )
    return Markup(
        "<div class='chart'><div class='legend'>{}<span class='quiet'>{}</span></div>"
        "<div class='plot'><div class='y'>{}</div>"
        "<svg viewBox='0 0 {:g} {:g}' preserveAspectRatio='none' role='img' aria-label='{}'>{}{}</svg>"
        "<div class='x'>{}</div></div><div class='axis quiet'>{}</div></div>"
    ).format(legend, y_name, labels, _WIDTH, _HEIGHT, f"{y_name} by {x_name}", grid, lines, x_labels, x_name)


def points_svg(points: Sequence[Point], x_name: str, y_name: str) -> Markup:
    """Return points with marks between two axes; the legend says what the marks mean."""
    if not points:
        return Markup("<p class='quiet'>nothing was measured</p>")
    x_axis = Axis.around([point.x for point in points])
    y_axis = Axis.around([point.y for point in points])
    grid = Markup("").join(_grid_line(y_axis, value) for value in ticks(y_axis, 4))
    grid += Markup("").join(_grid_column(x_axis, value) for value in ticks(x_axis, 5))
    marks = Markup("").join(
        Markup("<b class='point {}' style='left:{}%;bottom:{}%' title='{}'>{}</b>").format(
            point.tone, x_axis.percent(point.x), y_axis.percent(point.y), point.name, point.mark
        )
        for point in points
    )
    legend = Markup("").join(
        Markup("<span><b class='point {}'>{}</b> {}</span>").format(point.tone, point.mark, point.name)
        for point in points
    )
    return Markup(
        "<div class='chart'><div class='quiet'>{}</div><div class='plot'><div class='y'>{}</div>"
        "<svg viewBox='0 0 {:g} {:g}' preserveAspectRatio='none' role='img' aria-label='{}'>{}</svg>{}"
        "<div class='x'>{}</div></div><div class='axis quiet'>{}</div><div class='legend'>{}</div></div>"
    ).format(
        y_name,
        _labels(y_axis, "bottom", 4),
        _WIDTH,
        _HEIGHT,
        f"{y_name} by {x_name}",
        grid,
        marks,
        _labels(x_axis, "left", 5),
        x_name,
        legend,
    )


def _labels(axis: Axis, side: str, wanted: int) -> Markup:
    return Markup("").join(
        Markup("<span style='{}:{}%'>{:g}</span>").format(side, axis.percent(value), value)
        for value in ticks(axis, wanted)
    )


def _polyline(curve: Curve, number: int, x_axis: Axis, y_axis: Axis) -> Markup:
    places = " ".join(f"{_x(x_axis, x):.1f},{_y(y_axis, y):.1f}" for x, y in curve.points if math.isfinite(y))
    return Markup(
        "<polyline class='line{}' points='{}' fill='none' stroke-dasharray='{}' "
        "vector-effect='non-scaling-stroke'/>"
    ).format(number, places, _DASHES[number % len(_DASHES)])


def _grid_line(axis: Axis, value: float) -> Markup:
    height = _y(axis, value)
    return Markup(
        "<line class='grid' x1='0' x2='{:g}' y1='{:.1f}' y2='{:.1f}' vector-effect='non-scaling-stroke'/>"
    ).format(_WIDTH, height, height)


def _grid_column(axis: Axis, value: float) -> Markup:
    place = _x(axis, value)
    return Markup(
        "<line class='grid' y1='0' y2='{:g}' x1='{:.1f}' x2='{:.1f}' vector-effect='non-scaling-stroke'/>"
    ).format(_HEIGHT, place, place)


def _x(axis: Axis, value: float) -> float:
    return axis.percent(value) / 100 * _WIDTH


def _y(axis: Axis, value: float) -> float:
    return (1 - axis.percent(value) / 100) * _HEIGHT
