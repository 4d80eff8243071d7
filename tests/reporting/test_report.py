"""The page says in colour only what the verdict says in words."""

from __future__ import annotations

import pytest

from inhouse.reporting.report import _tone


@pytest.mark.parametrize(
    ("low", "high", "commits", "tone"),
    [
        (-0.3, -0.1, 5, "good"),
        (0.1, 0.3, 5, "bad"),
        (-0.1, 0.3, 50, "plain"),
        (-0.3, 0.0, 50, "plain"),
        (-0.3, -0.1, 4, "plain"),  # the verdict is "cannot be told", so no green
    ],
)
def test_a_difference_is_coloured_only_where_something_is_concluded(
    low: float, high: float, commits: int, tone: str
) -> None:
    measure = {"value": (low + high) / 2, "low": low, "high": high, "n": 60, "commits": commits}
    assert _tone(measure) == tone


def test_what_was_not_measured_is_not_coloured() -> None:
    assert _tone({"value": None, "low": None, "high": None, "n": 0, "commits": 0}) == "plain"
