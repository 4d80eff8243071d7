"""The statistics keep their promises: what is not there is not found, what was promised is."""

from __future__ import annotations

import pytest

from inhouse.evaluation.validity import REPETITIONS, validity
from tests.evaluation.judged import bits, judgement, pass_fail

MOST_FALSE, LEAST_FOUND = 15, 160


@pytest.mark.parametrize(
    "judgements",
    [
        pytest.param(bits({"base": 0.0, "tuned": -0.03}, groups=30), id="likelihood of 30 commits"),
        pytest.param(bits({"base": 0.0, "tuned": 0.0}, groups=9), id="likelihood of 9 commits"),
        pytest.param(
            pass_fail({"base": 0.4, "tuned": 0.5}, groups=30), id="pass or fail, 60 tasks of 30 files"
        ),
        pytest.param(
            pass_fail({"base": 0.3, "tuned": 0.3}, groups=12, each=5, spread=2.0),
            id="pass or fail, tasks of a file alike",
        ),
    ],
)
def test_nothing_is_found_where_nothing_is_and_what_was_promised_is_found(judgements):
    found = validity(judgements, "tuned", "base", seed=3)
    assert found.repetitions == REPETITIONS == 200
    assert found.false <= MOST_FALSE
    assert found.found >= LEAST_FOUND


def test_arms_of_different_tasks_have_no_validity():
    one, two = judgement("s", "pass@1", "a", "tuned", 1), judgement("s", "pass@1", "b", "base", 1)
    assert validity([one, two], "tuned", "base") is None
    assert validity([], "tuned", "base") is None
