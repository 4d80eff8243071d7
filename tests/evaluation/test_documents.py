"""Questions have one answer, which stands in the document, however an answer is worded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.evaluation.documents import Question, contains, f1, questions

GUIDE = """\
# Guide

Intro text that belongs to nobody in particular and goes on for a while.

## Limits

| Setting | Default | Unit |
|---|---|---|
| timeout | 30 | seconds |
| retries | 3 | |

```
| not | a table |
|---|---|
| in | code |
```

## Requirements

- **PUMP-12**: The pump stops when the tank is full for three seconds.
- PUMP-13 The lamp is green while the pump is running at any speed.
- WTF-8 is an encoding and no requirement of ours at all.

Keys
----
Signing keys are rotated every ninety days by the night shift alone.
"""
CODE = '''\
def rotate(days):
    """Replace all signing material that is older than the given age. More."""


def keep(days):
    """Keep."""
'''


def test_each_kind_of_question_is_asked_with_its_answer() -> None:
    assert questions([("docs/guide.md", GUIDE), ("shop/keys.py", CODE)]) == [
        Question(
            "heading",
            "docs/guide.md",
            "In which section of docs/guide.md does this stand: "
            "Intro text that belongs to nobody in particular and goes on for a while.",
            "Guide",
        ),
        Question(
            "table",
            "docs/guide.md",
            "According to docs/guide.md, section Limits: what is the Default of timeout?",
            "30",
        ),
        Question(
            "table",
            "docs/guide.md",
            "According to docs/guide.md, section Limits: what is the Unit of timeout?",
            "seconds",
        ),
        Question(
            "table",
            "docs/guide.md",
            "According to docs/guide.md, section Limits: what is the Default of retries?",
            "3",
        ),
        Question(
            "requirement",
            "docs/guide.md",
            "Which requirement of docs/guide.md says this: "
            "The pump stops when the tank is full for three seconds.",
            "PUMP-12",
        ),
        Question(
            "requirement",
            "docs/guide.md",
            "Which requirement of docs/guide.md says this: "
            "The lamp is green while the pump is running at any speed.",
            "PUMP-13",
        ),
        Question(
            "heading",
            "docs/guide.md",
            "In which section of docs/guide.md does this stand: "
            "Signing keys are rotated every ninety days by the night shift alone.",
            "Keys",
        ),
        Question(
            "docstring",
            "shop/keys.py",
            "What is the name of the function of shop/keys.py that is described like this: "
            "Replace all signing material that is older than the given age",
            "rotate",
        ),
    ]


def test_what_two_places_answer_is_not_asked() -> None:
    other = GUIDE.replace("12", "14")
    asked = questions([("a.md", GUIDE), ("b.md", other)])
    assert {one.kind for one in asked} == {
        "table"
    }  # these name their file, the words of the others stand in both
    assert [one.path for one in asked] == ["a.md"] * 3 + ["b.md"] * 3


@pytest.mark.parametrize(
    ("answer", "expected", "holds"),
    [
        ("The default is 30.", "30", True),
        ("It is 300 seconds", "30", False),
        ("**PUMP-12**", "PUMP-12", True),
        ("pump 12", "PUMP-12", False),
        ("the function `hide_unset()` does it", "hide_unset", True),
        ("The Night Shift", "a night shift", True),
        ("", "30", False),
    ],
)
def test_an_answer_holds_what_was_expected_word_by_word(answer: str, expected: str, holds: bool) -> None:
    assert contains(answer, expected) is holds


@given(st.text("ab c.", max_size=30), st.text("ab c.", max_size=30))
def test_f1_is_a_share_and_says_when_words_are_the_same(answer: str, expected: str) -> None:
    assert 0 <= f1(answer, expected) <= 1
    assert f1(answer, expected) == f1(expected, answer)
    if contains(answer, answer) and answer.strip(" .a"):
        assert f1(answer, answer) == 1


def test_chatter_after_the_first_paragraph_costs_nothing() -> None:
    assert f1("thirty seconds\n\nBecause the manual says so.", "thirty seconds") == 1
    assert f1("it is thirty seconds", "thirty seconds") == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "text", ["", "|", "|\n|-", "=" * 50_000, "# " * 20_000, "| " * 20_000 + "\n|-|", "*" * 50_000]
)
def test_any_document_can_be_read(text: str) -> None:
    questions([("a.md", text), ("a.rst", text), ("a.py", text)])
