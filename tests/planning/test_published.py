"""Published figures come out of the estimate under the assumptions that docs/planning.md names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.planning.published import POINTS, Point, rule_line, rules

PAGE = (Path(__file__).parents[2] / "docs" / "planning.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("point", POINTS, ids=lambda point: f"{point.source} {point.claim}")
def test_a_published_point_is_reproduced_under_its_assumptions(point: Point) -> None:
    assert point.total == pytest.approx(point.published, rel=point.within)


@pytest.mark.parametrize("point", POINTS, ids=lambda point: f"{point.source} {point.claim}")
def test_the_page_shows_what_the_estimate_gives_now(point: Point) -> None:
    assert point.line in PAGE


def test_the_page_judges_the_rules_of_thumb_by_what_is_counted_now() -> None:
    assert [rule for rule in rules() if rule_line(rule) not in PAGE] == []
