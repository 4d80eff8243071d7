"""Words of code: an identifier counts as a whole and in its parts.

Splitting identifiers is the largest cheap gain of lexical code search; the whole is kept because an exact
name is the strongest evidence there is.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["COMMON", "LANGUAGES", "compounds", "names", "parts", "stem", "terms", "tokens", "written_terms"]

_PROSE = (
    "a about after all also am an and any are as at be because been but by can could did do does doing "
    "done for from get given had has have here how i if in into is it its just like make me my no not now "
    "of on only or other our out over please same see should so some such than that the their them then "
    "there these they this those to too up use used using very via want was we were what when where which "
    "while who why will with without work would you your "
)
COMMON = frozenset(_PROSE.split())
"""Words of prose that say nothing about code."""

_WORD = re.compile(r"\w+")
_BLANKED = {mark: " " for mark in range(128) if not _WORD.match(chr(mark))}
"""For texts in ASCII, three times as fast as the expression."""
_UPPER, _LOWER = "A-ZÀ-ÖØ-Þ", "a-zß-öø-ÿĀ-ɏ"  # of Latin letters; other scripts are apart
_PART = re.compile(rf"[{_UPPER}]+(?![{_LOWER}])|[{_UPPER}]?[{_LOWER}]+|\d+|[^\W\d_{_UPPER}{_LOWER}]+")
_REMEMBERED = 20_000  # characters of a text: a query may have a million
_MAX_WORD = 64  # longer runs are hashes and data, which nobody searches
_VOWELS = frozenset("aeiouy")
_MIN_STEM = 3
_INFLECTED = ("ing", "ed")
_DERIVED = (
    "ation",
    "ator",
    "ition",
    "ion",
    "er",
    "or",
    "ment",
    "able",
    "ible",
    "ness",
    "at",
    "iz",
    "ful",
    "li",
    "al",
)
LANGUAGES = {
    "cpp": "cpp",
    "golang": "go",
    "java": "java",
    "javascript": "javascript",
    "js": "javascript",
    "nodejs": "javascript",
    "py": "python",
    "python": "python",
    "python2": "python",
    "python3": "python",
    "rust": "rust",
    "typescript": "typescript",
}
"""Words of a question that wish for files of a language. "Go" and "C" are words of other meanings too."""


def parts(identifier: str) -> list[str]:
    """Return the lower-case parts of an identifier: ``parseHTTPHeader_v2``: parse, http, header, v, 2."""
    return [part.lower() for part in _PART.findall(identifier)]


def tokens(text: str) -> list[str]:
    """Return the lower-case words of a text in order, each identifier of several parts followed by them."""
    found: list[str] = []
    for word in names(text):
        if len(word) > _MAX_WORD:
            continue
        found.append(word.lower())
        pieces = parts(word)
        if len(pieces) > 1:
            found += pieces
    return found


def terms(text: str) -> list[str]:
    """Return the words of a text as an index holds them: single words and parts by their stems."""
    return written_terms(text).split()


def written_terms(text: str) -> str:
    """Return `terms` with a blank between them."""
    return " ".join(filter(None, map(_terms_of, names(text))))


def names(text: str) -> list[str]:
    """Return the words of a text as they are written, identifiers and numbers whole."""
    return _names(text) if len(text) <= _REMEMBERED else _names.__wrapped__(text)


@lru_cache(maxsize=64)  # a chunk is asked for its imports first, then for its words
def _names(text: str) -> list[str]:
    return text.translate(_BLANKED).split() if text.isascii() else _WORD.findall(text)


@lru_cache(maxsize=200_000)  # code says the same words again and again
def _terms_of(word: str) -> str:
    if len(word) > _MAX_WORD:
        return ""
    pieces = parts(word)
    if len(pieces) == 1:
        return stem(word.lower())
    return " ".join((word.lower(), *map(stem, pieces)))


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """Return what the forms of a lower-case English word have in common: ``caches``, ``caching``: cach.

    A few endings only, in the spirit of S-stemming (Harman 1991, "How effective is suffixing?") and of the
    first steps of Porter's (1980): names in code must not fall together.
    """
    if len(word) <= _MIN_STEM or not word.isascii() or not word.isalpha():
        return word
    word = _without(_singular(word), _INFLECTED, _MIN_STEM)
    if len(word) > _MIN_STEM and word.endswith("e"):
        word = word[:-1]
    if len(word) > _MIN_STEM and word.endswith("y"):
        word = word[:-1] + "i"
    return _without(word, _DERIVED, _MIN_STEM + 1)


def compounds(words: Sequence[str]) -> list[str]:
    """Return neighbours written as one word: ``JUnit XML`` may be called ``junitxml``."""
    return list(dict.fromkeys(one + other for one, other in pairwise(words) if len(one + other) <= _MAX_WORD))


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > _MIN_STEM + 1:
        return word[:-3] + "y"
    if word.endswith("es") and word[:-2].endswith(("x", "ss", "sh", "ch", "z")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _without(word: str, endings: Sequence[str], least: int) -> str:
    """Return a word without the first of the endings that leaves a stem: long enough, with a vowel."""
    for ending in endings:
        kept = word[: -len(ending)]
        if word.endswith(ending) and len(kept) >= least and not _VOWELS.isdisjoint(kept):
            doubled = endings is _INFLECTED and kept[-1] == kept[-2] and kept[-1] not in "lsz"
            return kept[:-1] if doubled else kept
    return word
