"""The same tasks in other forms: what models see changes, what is judged does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inhouse.evaluation.suites.prompt_form import FORMS, in_form
from tests.evaluation.asked import task

TASK = task(
    prefix='from shop.cart import take_item_1\n\n\ndef count_all(count: int) -> int:\n    """Count."""\n',
    suffix="\n\ndef after(): ...\n",
    reference="    return take_item_1(count)\n",
)


@pytest.mark.parametrize("form", FORMS)
def test_a_form_changes_nothing_that_is_judged(form: str) -> None:
    changed = in_form(TASK, form, 10)
    assert changed is not None
    assert changed.id != TASK.id
    assert changed.suite == "prompt_form"
    assert (changed.group, changed.reference, changed.check) == (TASK.group, TASK.reference, TASK.check)
    assert len({in_form(TASK, one, 10).id for one in FORMS}) == len(FORMS)  # type: ignore[union-attr]


def test_the_wish_stands_before_the_gap_in_other_words() -> None:
    said = in_form(TASK, "said", 10)
    assert said is not None
    assert said.prefix == f"{TASK.prefix}    # Write what the description above promises.\n"
    chat = in_form(replace(TASK, instruction="Write a function that returns 3.", prefix=""), "said", 10)
    assert chat is not None and chat.instruction == "please implement a routine that gives back 3."


def test_half_of_the_context_is_its_last_lines() -> None:
    half = in_form(TASK, "half", 10)
    assert half is not None
    assert TASK.prefix.endswith(half.prefix) and 0 < len(half.prefix) <= 20 * 2


def test_twice_the_context_is_the_same_task_with_more_room() -> None:
    twice = in_form(TASK, "twice", 10)
    assert twice is not None
    assert twice == replace(TASK, id=twice.id, suite=twice.suite, context_factor=2)


def test_what_follows_the_gap_is_shown_where_there_is_any() -> None:
    after = in_form(TASK, "after", 10)
    assert after is not None and after.context[-1].text == TASK.suffix
    assert after.context_factor == 1
    assert in_form(replace(TASK, suffix="\n\n"), "after", 10) is None
