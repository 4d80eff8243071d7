"""Filters: each drops the row that was planted for it, with its reason; off, they drop nothing."""

from __future__ import annotations

import pytest

from inhouse.config import Filters
from inhouse.datasets.builders import find_builder
from inhouse.datasets.builders.contract import Bench
from inhouse.datasets.filters import RowFilters, toxic_word
from inhouse.datasets.formats import example
from inhouse.models.tokenizer import Tokenizer
from inhouse.records import Example

PLAIN = """def total(prices):
    result = 0
    for price in prices:
        result = result + price
    return result
"""
LOOP = "".join("value = value + 1\n" for _ in range(10)) + "done = True\n"
WORDS = "x = [" + "one two three four five six seven eight nine ten eleven twelve " * 4 + "]\n"
LONG = f'KEY = "{"abcdefghij" * 30}"\n'
SYMBOLS = "a = (((((([[[[[[{{{{{{}}}}}}]]]]]]))))))\n"
COMMENTS = "# one\n# two\n// three\n/* four\n   five */\nx = 1\n"
TOXIC = "def fuck_this():\n    return 1\n"


@pytest.mark.parametrize(
    ("settings", "text", "reason"),
    [
        ({"min_tokens": 30}, "x = 1\n", "too short"),
        ({"repeated_lines": 0.5}, LOOP, "repeats its lines"),
        ({"repeated_ngrams": 0.3}, WORDS, "repeats its words"),
        ({"line_characters": 200}, LONG, "has a very long line"),
        ({"symbols": 0.7}, SYMBOLS, "is mostly symbols"),
        ({"comments": 0.8}, COMMENTS, "is mostly comments"),
        ({"toxicity": True}, TOXIC, "holds a word of the toxicity list"),
        ({"toxic_words": ["Total"]}, PLAIN.replace("price", "cost"), "holds a word of the toxicity list"),
    ],
)
def test_each_filter_drops_what_was_planted_for_it_and_leaves_plain_code(
    tokenizer: Tokenizer, settings: dict[str, object], text: str, reason: str
) -> None:
    filters = RowFilters(Filters.model_validate(settings), tokenizer)
    assert filters.reason(_text(tokenizer, text)) == reason
    if "toxic_words" not in settings:
        assert filters.reason(_text(tokenizer, PLAIN)) == ""
    assert RowFilters(Filters(), tokenizer).reason(_text(tokenizer, text)) == ""


def test_directives_of_c_are_no_comments(tokenizer: Tokenizer) -> None:
    filters = RowFilters(Filters(comments=0.5), tokenizer)
    assert filters.reason(_text(tokenizer, "#include <a.h>\n#define B 1\n# ifdef C\nint d;\n")) == ""


def test_a_word_counts_only_when_it_is_whole() -> None:
    words = frozenset({"ass", "shit"})
    assert toxic_word("class Passage: assert mishit", words) == ""
    assert toxic_word("set_ass(1)", words) == "ass"
    assert toxic_word("getShitDone()", words) == "shit"
    assert toxic_word("HTTPShit", words) == "shit"


def test_a_nearly_equal_row_is_dropped_and_the_first_one_stays(tokenizer: Tokenizer) -> None:
    filters = RowFilters(Filters(similarity=0.7), tokenizer)
    long = PLAIN + PLAIN.replace("total", "mean").replace("price", "value")
    rows = [_text(tokenizer, text) for text in (long, long.replace("mean", "median"), PLAIN)]
    assert [filters.reason(row) for row in rows] == ["", "a copy of an earlier row", ""]


@pytest.mark.parametrize(
    ("kind", "question", "answer", "reason"),
    [
        ("implementation", "Write the body of `f` in `a.py`.", "```python\n    pass\n```", "lacks"),
        ("implementation", "Write the body of `f` in `a.py`.", "```python\n    x = 1\n    return x\n```", ""),
        ("implementation", "Write the body of `f` in `a.py`.", "```python\n\n```", "empty"),
        ("test", "Write a test of `A.run` in `a.py`.", "```python\nassert A().run()\n```", ""),
        ("test", "Write a test of `A.run` in `a.py`.", "```python\nassert other()\n```", "lacks"),
        ("task", "Task: mend it", "```diff\n-a = 1\n+a = 2\n```", ""),
        ("task", "Task: mend it", "I mended it all, and it works now.", "lacks"),
        ("question", "Where is this said: the basket may not hold more than ten things?",
         "the basket may not hold more than ten things", "repeats the question"),
        ("question", "What is it?", "`basket.py`", ""),
    ],
)  # fmt: skip
def test_an_answer_must_hold_what_was_asked_for(
    tokenizer: Tokenizer, kind: str, question: str, answer: str, reason: str
) -> None:
    filters = RowFilters(Filters(adherence=True), tokenizer)
    found = filters.reason(_chat(tokenizer, kind, question, answer))
    assert (reason in found) if reason else found == ""


def test_a_trivial_function_is_dropped_and_short_text_of_other_kinds_is_not(tokenizer: Tokenizer) -> None:
    filters = RowFilters(Filters(function_lines=5), tokenizer)
    asked = "Write the body of `f` in `a.py`."
    short, enough = ("```python\n" + "    x = 1\n" * lines + "```" for lines in (3, 4))
    assert filters.reason(_chat(tokenizer, "implementation", asked, short)) == "a trivial function"
    assert filters.reason(_chat(tokenizer, "implementation", asked, enough)) == ""
    assert filters.reason(_text(tokenizer, "x = 1\n")) == ""


def test_of_a_row_only_what_it_teaches_is_looked_at(tokenizer: Tokenizer) -> None:
    ids, more = tokenizer.encode(LOOP), tokenizer.encode(PLAIN)
    row = example("change", "train", tokenizer, (ids, more), ("o",), "1")
    assert RowFilters(Filters(repeated_lines=0.3), tokenizer).reason(row) == ""


def _text(tokenizer: Tokenizer, text: str) -> Example:
    return example("continuation", "train", tokenizer, ([], tokenizer.encode(text)), ("o",), "1")


def _chat(tokenizer: Tokenizer, kind: str, question: str, answer: str) -> Example:
    row = find_builder(kind)(Bench(tokenizer, "shop", 2048)).conversation(question, answer, ("o",), [1])
    assert row is not None
    return row
