"""Statements and identifiers in source text, as far as comparing two statements needs them.

A statement is a logical line: from the first line with a word in it up to the line on which the brackets
balance, three lines at most. Blank lines, comments, quoted text and lines of punctuation are no statements;
where the target begins with them they are given to the model, the same to every arm. Two matches:

    exact         the two statements are equal once runs of whitespace count as one blank
    identifiers   2 L / (a + b), where L is the length of the longest common subsequence of the identifiers
                  of both statements and a and b are their numbers; 1 when neither has any. Keywords, numbers
                  and words in quotes or comments are no identifiers. It is the identifier match of
                  CrossCodeEval (arXiv 2310.11248) with order taken into account.
"""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Statement",
    "exact_match",
    "first_statement",
    "identifier_match",
    "identifier_spans",
    "identifiers",
]

_MAX_LINES = 3

_C = """
    auto break case char const continue default do double else enum extern float for goto if inline int
    long register restrict return short signed sizeof static struct switch typedef union unsigned void
    volatile while
"""
_JAVASCRIPT = """
    async await break case catch class const continue debugger default delete do else export extends false
    finally for function if import in instanceof let new null of return static super switch this throw
    true try typeof undefined var void while with yield
"""
_KEYWORDS = {
    "c": _C,
    "cpp": _C
    + """
    bool catch class constexpr delete explicit false friend mutable namespace new noexcept nullptr
    operator override private protected public template this throw true try typename using virtual
    """,
    "go": """
    break case chan const continue default defer else fallthrough false for func go goto if import
    interface map nil package range return select struct switch true type var
    """,
    "java": """
    abstract assert boolean break byte case catch char class const continue default do double else enum
    extends false final finally float for if implements import instanceof int interface long native new
    null package private protected public return short static super switch synchronized this throw throws
    transient true try var void volatile while
    """,
    "javascript": _JAVASCRIPT,
    "python": " ".join(keyword.kwlist),
    "rust": """
    as async await break const continue crate dyn else enum extern false fn for if impl in let loop match
    mod move mut pub ref return self Self static struct super trait true type unsafe use where while
    """,
    "typescript": _JAVASCRIPT
    + """
    abstract any as boolean declare enum implements interface keyof namespace never number private
    protected public readonly string type unknown
    """,
}


@dataclass(frozen=True, slots=True)
class Statement:
    """The first statement of a text. `closed` says that its last line is whole and its brackets balance."""

    lead: str  # what stands before it
    text: str
    closed: bool


def first_statement(text: str, language: str) -> Statement | None:
    """Return the first statement of a text that begins at the start of a line, or None."""
    start = depth = 0
    begun = False
    for token in _scanner(language).finditer(text):
        kind = token.lastgroup
        if kind == "word":
            begun = True
        elif kind == "open":
            depth += 1
        elif kind == "close":
            depth = max(0, depth - 1)
        elif kind == "newline" and not begun and not depth:
            start = token.end()
        elif kind == "newline" and (not depth or text.count("\n", start, token.end()) >= _MAX_LINES):
            return Statement(text[:start], _lines(text[start : token.start()]), closed=begun and not depth)
    return Statement(text[:start], _lines(text[start:]), closed=False) if begun else None


def exact_match(reference: str, answer: str) -> bool:
    """Are two statements the same but for whitespace?"""
    return reference.split() == answer.split()


def identifiers(statement: str, language: str) -> list[str]:
    """Return the identifiers of a statement in order, repetitions included."""
    return [word for word, _, _ in identifier_spans(statement, language)]


def identifier_spans(text: str, language: str) -> list[tuple[str, int, int]]:
    """Return the identifiers of a text in order, each with where it begins and ends, in characters."""
    known = _keywords(language)
    words = (token for token in _scanner(language).finditer(text) if token.lastgroup == "word")
    return [(token[0], *token.span()) for token in words if token[0] not in known]


def identifier_match(reference: Sequence[str], answer: Sequence[str]) -> float:
    """Return the F1 of two sequences of identifiers by their longest common subsequence."""
    if not reference and not answer:
        return 1.0
    return 2 * _common(reference, answer) / (len(reference) + len(answer))


def _lines(text: str) -> str:
    return "\n".join(text.split("\n")[:_MAX_LINES])


def _common(left: Sequence[str], right: Sequence[str]) -> int:
    """Return the length of the longest common subsequence."""
    row = [0] * (len(right) + 1)
    for word in left:
        before = 0  # the diagonal neighbour: this row's previous column as it was one word ago
        for column, other in enumerate(right, 1):
            above = row[column]
            row[column] = before + 1 if word == other else max(above, row[column - 1])
            before = above
    return row[-1]


@cache
def _keywords(language: str) -> frozenset[str]:
    return frozenset(_KEYWORDS.get(language, "").split())


@cache
def _scanner(language: str) -> re.Pattern[str]:
    """Return the pattern of the tokens that decide where a statement ends; the rest is skipped."""
    double = r'"(?:\\.|[^"\\\n])*"?'
    single = r"'(?:\\.|[^'\\\n])*'?"
    character = r"'(?:\\[^\n']{1,9}|[^'\\\n])'"  # a lone quote in Rust is a lifetime
    comment, opening, closing = r"//[^\n]*|/\*[\s\S]*?(?:\*/|\Z)", "([", ")]"  # a brace opens a block
    if language == "python":
        comment, opening, closing = r"\#[^\n]*", "([{", ")]}"
        triple = r'"""[\s\S]*?(?:"""|\Z)|' + r"'''[\s\S]*?(?:'''|\Z)"
        text = rf"[rbfuRBFU]{{0,2}}(?:{triple}|{double}|{single})"
    elif language in ("javascript", "typescript"):
        text = rf"{double}|{single}|`(?:\\.|[^`\\])*`?"
    else:
        text = rf"{double}|{character}" + (r"|`[^`]*`?" if language == "go" else "")
    return re.compile(
        rf"(?P<comment>{comment})|(?P<text>{text})|(?P<number>\d\w*)|(?P<word>[^\W\d]\w*)"
        rf"|(?P<open>[{re.escape(opening)}])|(?P<close>[{re.escape(closing)}])|(?P<joined>\\\n)|(?P<newline>\n)"
    )
