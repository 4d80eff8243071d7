"""Words of code: an identifier counts as a whole and in its parts.

Splitting identifiers is the largest cheap gain of lexical code search; the whole is kept because an exact
name is the strongest evidence there is.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath

__all__ = ["Query", "code_query", "parts", "tokens", "understand"]

_WORD = re.compile(r"[^\W\d]\w*|\d\w*")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
_RUN = re.compile(r"[\w./-]+")
_PATH = re.compile(r"\.{0,2}/?[\w.-]+(?:/[\w.-]+)+|[\w-]+\.(?:py|c|h|cc|cpp|hpp|java|js|ts|tsx|go|rs|md|rst)")
_MAX_PATH = 300
_STRUCTURED = re.compile(r"[a-z0-9][A-Z]|_|[A-Z]{2}")
_MAX_CHARACTERS = 50_000
_MAX_WORD = 64  # longer runs are hashes and data, which nobody searches
_LINES_BEFORE = 12
_COMMON = frozenset(
    re.split(
        " ",
        "a an and are as at be but by can do does for from has have how i if in into is it its not of on or "
        "so that the then there this to was we what when where which who why will with you",
    )
)


@dataclass(frozen=True, slots=True)
class Query:
    """What a text asks for."""

    words: dict[str, float]  # lower-case words and parts, with their weight
    identifiers: frozenset[str]  # as written: may name a definition
    paths: tuple[str, ...]  # as written: may name a file
    about_tests: bool
    characters_dropped: int  # of a text that is too long to search for


def parts(identifier: str) -> list[str]:
    """Return the lower-case parts of an identifier: ``parseHTTPHeader_v2``: parse, http, header, v, 2."""
    return [part.lower() for part in _PART.findall(identifier)]


def tokens(text: str) -> list[str]:
    """Return the lower-case words of a text in order, each identifier of several parts followed by them."""
    found: list[str] = []
    for word in _WORD.findall(text):
        if len(word) > _MAX_WORD:
            continue
        found.append(word.lower())
        pieces = parts(word)
        if len(pieces) > 1:
            found += pieces
    return found


def understand(text: str) -> Query:
    """Return what any text asks for: prose, an identifier, a path, code, an issue with a stack trace."""
    text, dropped = text[:_MAX_CHARACTERS], max(0, len(text) - _MAX_CHARACTERS)
    counted = Counter(word for word in tokens(text) if word not in _COMMON)
    return Query(
        words={word: 1.0 + min(count - 1, 4) * 0.25 for word, count in counted.items()},
        identifiers=frozenset(word for word in _WORD.findall(text) if _may_name_definition(word, text)),
        paths=tuple(dict.fromkeys(run for run in _RUN.findall(text) if _is_path(run))),
        about_tests=bool({"test", "tests", "fixture", "pytest", "unittest"} & set(counted)),
        characters_dropped=dropped,
    )


def code_query(message: str, path: str, before: str) -> str:
    """Return the query of a cursor: the commit message, the file's name and the lines before the cursor."""
    name = PurePosixPath(path).stem
    tail = before.split("\n")[-_LINES_BEFORE:]
    return "\n".join([message.strip().split("\n\n")[0], name, *tail])


def _is_path(run: str) -> bool:
    return len(run) <= _MAX_PATH and bool(_PATH.fullmatch(run))


def _may_name_definition(word: str, text: str) -> bool:
    """Tell a name from a word of prose: it has structure, or it is all that was asked."""
    return bool(_STRUCTURED.search(word)) or word == text.strip() or f"{word}(" in text
