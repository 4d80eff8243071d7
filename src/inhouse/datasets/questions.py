"""Questions whose answers stand in the documents, built by rule from Markdown, reStructuredText and
docstrings.

    table        "According to docs/limits.md, section Limits: what is the Default of timeout?"
    requirement  "Which requirement of docs/spec.md says: The pump stops when ...?"      REQ-12
    heading      "In which section of docs/guide.md stands: Keys are rotated every ...?"
    docstring    "What is the name of the function of shop/cart.py that does this: Return the ...?"

A question is asked only where one answer is right: the words that it gives stand once in the repository.
Evaluation asks one half of them and training the other, decided by what a question is about and not by its
words: a sentence that was mended stays where it was.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inhouse.digests import digest_json
from inhouse.languages import detect, is_test, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["DOCUMENTS", "Question", "is_held_out", "normalised", "questions"]

DOCUMENTS = ("markdown", "rst", "text")
"""Languages that are prose."""

_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*$")
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)")
_RULE = re.compile(r"^([=\-~^\"'`#*+.:_])\1{2,}[ \t]*$")
_ROW = re.compile(r"^[ \t]*\|(.+)\|[ \t]*$")
_SEPARATOR = re.compile(r"^[ \t]*\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*)*\|?[ \t]*$")
_REQUIREMENT = re.compile(
    r"^[ \t]*(?:[-*+][ \t]+)?[*`_\[]*([A-Z][A-Z0-9]{1,9}(?:-[A-Z0-9]+)*-\d+)"
    r"[*`_\]]*[ \t]*[:.)–-]?[ \t]+(.{20,})$"
)
_SENTENCE = re.compile(r"[A-Z][^.!?\n]{40,200}[.!?](?=\s|$)")
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_MARKUP = re.compile(
    r"\[([^\]]*)\]\([^)]*\)"  # a link
    r"|(?:(?::[\w-]+)+:|\{[\w:-]+\})`~?([^`<]*)[^`]*`"  # a role
    r"|[*`]+|(?<!\w)_+(?=\w)|(?<=\w)_+(?!\w)"
)
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_LONGEST = 80  # characters of an answer
_SHORTEST = 25  # of a docstring's first sentence


@dataclass(frozen=True, slots=True)
class Question:
    """A question in words with its one answer."""

    kind: str  # table, requirement, heading or docstring
    path: str
    asked: str
    answer: str


def questions(files: Iterable[tuple[str, str]]) -> list[Question]:
    """Return the questions that a tree, given as (path, text), can answer, in the order of the files.

    Questions that two places answer differently are left out.
    """
    found: list[Question] = []
    for path, text in files:
        language = detect(path, text)
        if language in DOCUMENTS:
            found += _of_document(path, text)
        elif language == "python" and not is_test(path, language):
            found += _of_docstrings(path, text)
    told = Counter(one.asked for one in found)
    hints = Counter(_hint(one) for one in found)
    series = Counter(_series(one) for one in found)
    return [
        one
        for one in found
        if told[one.asked] == 1
        and hints[_hint(one)] == 1
        and (one.kind != "requirement" or series[_series(one)] > 1)
    ]


def is_held_out(question: Question) -> bool:
    """Tell whether evaluation alone may ask a question: about half of them, the same ones for ever."""
    about = question.asked if question.kind == "table" else question.answer
    return int(digest_json([question.kind, question.path, normalised(about)])[:8], 16) % 2 == 0


def normalised(text: str) -> str:
    """Return words in small letters without punctuation, markup and articles."""
    plain = _MARKUP.sub(lambda match: match[1] or match[2] or "", text).lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", plain).split())


def _series(question: Question) -> tuple[str, str]:
    """Return what numbered requirements have in common: a lone WTF-8 is none."""
    return question.kind, question.answer.rpartition("-")[0]


def _hint(question: Question) -> str:
    """Return the words that must stand in one place only; a question to a table names its place."""
    words = question.asked if question.kind == "table" else question.asked.partition(": ")[2]
    return f"{question.kind} {words}"


# ------------------------------------------------------------------ documents


def _of_document(path: str, text: str) -> Iterator[Question]:
    for title, lines in _sections(text):
        where = f"{path}, section {title}" if title else path
        yield from _of_tables(path, where, lines)
        for line in lines:
            if found := _REQUIREMENT.match(line):
                says = _plain(found[2])
                yield Question(
                    "requirement", path, f"Which requirement of {path} says this: {says}", found[1]
                )
        body = "\n".join(
            line for line in lines if not line.lstrip().startswith(("|", "..", "-", "*", ">", " "))
        )
        sentence = _SENTENCE.search(body)
        if title and sentence and len(title) <= _LONGEST and title not in sentence[0]:
            asked = f"In which section of {path} does this stand: {_plain(sentence[0])}"
            yield Question("heading", path, asked, _plain(title))


def _sections(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield (title, lines) of each section, code blocks left out; the first may have no title."""
    title, body = "", list[str]()
    lines = text.split("\n")
    fenced = False
    for number, line in enumerate(lines):
        fenced ^= _FENCE.match(line) is not None
        if fenced or _FENCE.match(line):
            continue
        below = lines[number + 1] if number + 1 < len(lines) else ""
        heading = _HEADING.match(line)
        underlined = (
            line.strip() and not line.startswith(" ") and _RULE.match(below) and len(below) >= len(line) - 1
        )
        if heading or (underlined and not _RULE.match(line) and not _ROW.match(line)):
            yield title, body
            title, body = (heading[1] if heading else line).strip(), []
        elif not _RULE.match(line):
            body.append(line)
    yield title, body


def _of_tables(path: str, where: str, lines: Sequence[str]) -> Iterator[Question]:
    header: list[str] = []
    for number, line in enumerate(lines):
        if not _ROW.match(line):
            header = []
        elif number + 1 < len(lines) and _SEPARATOR.match(lines[number + 1]):
            header = _cells(line)
        elif header and not _SEPARATOR.match(line):
            cells = _cells(line)
            if len(cells) == len(header) and cells[0]:
                yield from _of_row(path, where, header, cells)


def _of_row(path: str, where: str, header: Sequence[str], cells: Sequence[str]) -> Iterator[Question]:
    for name, value in zip(header[1:], cells[1:], strict=True):
        if name and normalised(value) and len(value) <= _LONGEST:
            yield Question("table", path, f"According to {where}: what is the {name} of {cells[0]}?", value)


def _cells(line: str) -> list[str]:
    return [_plain(cell) for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def _plain(text: str) -> str:
    return " ".join(_MARKUP.sub(lambda match: match[1] or match[2] or "", text).split())


# ------------------------------------------------------------------ docstrings


def _of_docstrings(path: str, text: str) -> Iterator[Question]:
    for symbol in parse(path, text).symbols:
        first = symbol.docstring.strip().partition("\n\n")[0]
        summary = " ".join(first.split()).partition(". ")[0]
        named = symbol.name.lower() in summary.lower()
        if symbol.kind in ("function", "method", "class") and len(summary) >= _SHORTEST and not named:
            what = "class" if symbol.kind == "class" else "function"
            asked = f"What is the name of the {what} of {path} that is described like this: {_plain(summary)}"
            yield Question("docstring", path, asked, symbol.name)
