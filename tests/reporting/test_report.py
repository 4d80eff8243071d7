"""The page says in colour only what the verdict says in words."""

from __future__ import annotations

import pytest

from inhouse.evaluation.measures import plain
from inhouse.evaluation.significance import paired_difference
from inhouse.reporting.page import bits_tone


@pytest.mark.parametrize(("sure", "tone"), [(-1, "good"), (0, "plain"), (1, "bad")])
def test_a_difference_is_coloured_only_where_something_is_concluded(sure: int, tone: str) -> None:
    """Fewer bits are better. An interval that excludes zero is not enough: see evaluation.significance."""
    measure = {"value": -0.2, "low": -0.3, "high": -0.1, "n": 60, "commits": 50, "p": 0.1, "sure": sure}
    assert bits_tone(measure) == tone


def test_what_was_not_measured_is_not_coloured() -> None:
    assert bits_tone(plain(paired_difference(([], []), ([], []), []), tested=True)) == "plain"
