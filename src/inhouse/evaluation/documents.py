"""How an answer to a question is compared with what stands in the documents.

The questions are built by `datasets.questions`. Matching follows SQuAD (Rajpurkar et al. 2016, arXiv
1606.05250): small letters, no punctuation, no articles.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from inhouse.datasets.questions import (
    DOCUMENTS,
    Question,
    is_held_out,
    normalised,
    questions,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "DOCUMENTS",
    "Question",
    "asked_questions",
    "contains",
    "f1",
    "normalised",
    "questions",
]


def asked_questions(files: Iterable[tuple[str, str]]) -> list[Question]:
    """Return the questions of a tree, given as (path, text), that training never asks."""
    return [question for question in questions(files) if is_held_out(question)]


def contains(answer: str, expected: str) -> bool:
    """Does an answer hold what was expected, word by word?"""
    return f" {normalised(expected)} " in f" {normalised(answer)} "


def f1(answer: str, expected: str) -> float:
    """Return the F1 of the words of an answer's first paragraph and those that were expected."""
    given, wanted = (normalised(text).split() for text in (answer.strip().partition("\n\n")[0], expected))
    common = (Counter(given) & Counter(wanted)).total()
    return 2 * common / (len(given) + len(wanted)) if common else 0.0
