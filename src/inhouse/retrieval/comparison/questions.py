"""Questions that a repository answers itself: no model writes them, and no answer stands in what is searched.

    definition   the first paragraph of a docstring, or of the comment above a definition; wanted is the rest
                 of that function. What was taken as a question is cut out of the file before it is indexed.
    commit       the message of a commit after the cut; wanted are the files of code that it changed, tests
                 apart, in the tree at the cut.

The name of what a docstring describes is taken out of the question. A docstring that stands in two places is
none.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from inhouse.digests import digest_text
from inhouse.languages import detect, is_test, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from inhouse.languages import Comment, Parsed
    from inhouse.records import Symbol

__all__ = ["KINDS", "Question", "Target", "definition_questions", "without"]

KINDS = ("definition", "commit")

_FUNCTIONS = ("function", "method")
_FEWEST_WORDS, _MOST_WORDS = 5, 80  # of a question
_FEWEST_LINES, _MOST_LINES = 4, 120  # of what is wanted: more would not fit into a small context
_OF_A_FILE = 12  # questions
_WORD = re.compile(r"[^\W\d_]\w*")
_CLOSING = re.compile(rb"(\"{3}|'{3}|\"|')\s*\Z")

Span = tuple[int, int]


class Target(NamedTuple):
    """What a question wants: bytes of a file as it is indexed, or (end 0) anything of the file."""

    path: str
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """A text with what answers it. Questions of one group resemble each other."""

    kind: str  # one of KINDS
    text: str
    group: str  # the file or the commit
    targets: tuple[Target, ...]


class _Candidate(NamedTuple):
    path: str
    name: str
    span: Span  # of the definition
    asked: Span  # whole lines of the docstring or comment
    text: str
    docstring: str  # its words


def definition_questions(
    files: Iterable[tuple[str, str]], limit: int, seed: int
) -> tuple[list[Question], dict[str, list[Span]]]:
    """Return at most `limit` questions from (path, text), and what has to be cut out of each file for them.

    The choice hangs on the seed and on names alone, at most twelve of a file.
    """
    seen: Counter[str] = Counter()
    candidates: list[_Candidate] = []
    for path, text in files:
        parsed = parse(path, text, detect(path, text))
        seen.update(_normal(symbol.docstring) for symbol in parsed.symbols if symbol.docstring)
        if not is_test(path, parsed.language):
            candidates += _candidates(path, text, parsed)
    alone = [one for one in candidates if seen[one.docstring] == 1]
    alone.sort(key=lambda one: digest_text(f"{seed} {one.path} {one.name} {one.span[0]}"))
    chosen = list(_few_of_a_file(alone))[:limit]
    removed: dict[str, list[Span]] = defaultdict(list)
    for one in chosen:
        removed[one.path].append(one.asked)
    for spans in removed.values():
        spans.sort()
    return [_question(one, removed[one.path]) for one in chosen], dict(removed)


def without(text: str, removed: Sequence[Span]) -> str:
    """Return a text without some spans of its bytes, which ascend."""
    if not removed:
        return text
    source = text.encode("utf-8", "surrogatepass")
    starts = [0, *(end for _, end in removed)]
    ends = [*(start for start, _ in removed), len(source)]
    kept = b"".join(source[start:end] for start, end in zip(starts, ends, strict=True))
    return kept.decode("utf-8", "surrogatepass")


def _question(one: _Candidate, removed: Sequence[Span]) -> Question:
    start, end = (_shifted(offset, removed) for offset in one.span)
    return Question("definition", one.text, one.path, (Target(one.path, start, end),))


def _shifted(offset: int, removed: Sequence[Span]) -> int:
    return offset - sum(min(end, offset) - start for start, end in removed if start < offset)


def _few_of_a_file(candidates: Iterable[_Candidate]) -> Iterator[_Candidate]:
    taken: Mapping[str, list[Span]] = defaultdict(list)
    for one in candidates:
        spans = taken[one.path]
        if len(spans) < _OF_A_FILE and not any(_overlap(one.asked, other) for other in spans):
            spans.append(one.asked)
            yield one


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]


# ------------------------------------------------------------------ where docstrings stand


def _candidates(path: str, text: str, parsed: Parsed) -> Iterator[_Candidate]:
    source = text.encode("utf-8", "surrogatepass")
    comments = _Comments(source, parsed.comments)
    for symbol in parsed.symbols:
        asked = _nameless(_paragraph(symbol.docstring), symbol.name)
        if symbol.kind in _FUNCTIONS and _is_question(asked, symbol):
            span = _docstring(source, symbol) if parsed.language == "python" else comments.above(symbol)
            if span is not None:
                place = (symbol.start, symbol.end)
                yield _Candidate(path, symbol.qualified_name, place, span, asked, _normal(symbol.docstring))


def _is_question(asked: str, symbol: Symbol) -> bool:
    words = len(_WORD.findall(asked))
    lines = symbol.end_line - symbol.start_line + 1
    return _FEWEST_WORDS <= words <= _MOST_WORDS and _FEWEST_LINES <= lines <= _MOST_LINES


def _docstring(source: bytes, symbol: Symbol) -> Span | None:
    """Return the lines of the string between a signature and its body; None where it has no lines of its own.

    None too where nothing but the string is the body.
    """
    before = source[symbol.start : symbol.body]
    closing = _CLOSING.search(before)
    if closing is None or symbol.body >= symbol.end:
        return None
    opening = before.rfind(closing[1], 0, closing.start())
    start = symbol.start + before.rfind(b"\n", 0, max(opening, 0)) + 1
    prefix = source[start : symbol.start + opening].strip().lower()
    ends_line = source[symbol.body - 1 : symbol.body] == b"\n"
    if opening < 0 or prefix not in (b"", b"r", b"u") or not ends_line:
        return None
    return start, symbol.body


class _Comments:
    """The comments of a file by the line that they end on."""

    def __init__(self, source: bytes, comments: Sequence[Comment]) -> None:
        self._source = source
        self._lines = [0, *(match.end() for match in re.finditer(rb"\n", source))]
        self._by_last_line = {self._line(comment.end - 1): comment for comment in comments}

    def above(self, symbol: Symbol) -> Span | None:
        """Return the lines of the comments that end directly above a definition."""
        first = last = self._line(symbol.start)
        while (comment := self._by_last_line.get(first - 1)) is not None:
            begins = self._line(comment.start)
            if self._source[self._lines[begins] : comment.start].strip():
                break  # it stands behind code
            first = begins
        return (self._lines[first], self._lines[last]) if first < last else None

    def _line(self, offset: int) -> int:
        return bisect_right(self._lines, offset) - 1


def _paragraph(docstring: str) -> str:
    return " ".join(docstring.strip().partition("\n\n")[0].split())


def _nameless(text: str, name: str) -> str:
    """Return a text without the words that are `name`: what `wait` waits for is asked without it."""
    return " ".join(re.sub(rf"`*\b{re.escape(name)}\b`*(?:\(\))?", " ", text).split())


def _normal(text: str) -> str:
    return " ".join(_WORD.findall(text.lower()))
