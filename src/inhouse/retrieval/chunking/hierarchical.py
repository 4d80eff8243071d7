"""Hierarchical: file, classes, functions, each level with a summary of the one below.

    a.py          summary: signatures of what the file defines, with the first sentence of their docstrings
      class C     summary: its signature and docstring, the signatures of its members
        C.first   a leaf: lines of the file

The leaves are the file; every class is cut at its members. Summaries are extra: their span is empty, so that
they are told from leaves (`is_summary`), and their lines are those of what they sum up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.retrieval.chunking.definition import FUNCTIONS, Rules, outermost, walk
from inhouse.retrieval.chunking.source import Part

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.records import Symbol
    from inhouse.retrieval.chunking.source import Source

__all__ = ["cut"]

_SENTENCE = 160  # characters of a docstring's first paragraph
_MOST = 60  # lines of a summary


def cut(source: Source) -> Iterator[Part]:
    """Yield summaries, each before the leaves that it sums up, and leaves."""
    summaries = list(_summaries(source))
    for leaf in walk(source, Rules(classes_that_fit=False, all_functions=False)):
        while summaries and summaries[0].start < leaf.end:
            yield summaries.pop(0)._replace(start=leaf.start, end=leaf.start)
        yield leaf


def _summaries(source: Source) -> Iterator[Part]:
    tops = list(outermost(source.definitions))
    if tops:
        yield Part(0, 0, summary=_summary(source.path, "", [symbol for symbol, _ in tops]))
    for symbol, inner in tops:
        yield from _of_class(symbol, inner, ())


def _of_class(symbol: Symbol, inner: Sequence[Symbol], scope: tuple[str, ...]) -> Iterator[Part]:
    """Yield the summary of a class, and of those in it; a grammar does not nest them without end."""
    if symbol.kind in FUNCTIONS or not inner:
        return
    members = list(outermost(inner))
    text = _summary(symbol.signature, symbol.docstring, [member for member, _ in members])
    yield Part(symbol.start, symbol.start, symbol, scope, text)
    for member, below in members:
        yield from _of_class(member, below, (*scope, symbol.signature))


def _summary(title: str, docstring: str, members: Sequence[Symbol]) -> str:
    lines = [title, *([_sentence(docstring)] if docstring else [])]
    for member in members[:_MOST]:
        said = _sentence(member.docstring)
        lines.append(f"    {member.signature}" + (f"  # {said}" if said else ""))
    if len(members) > _MOST:
        lines.append(f"    ... and {len(members) - _MOST} more")
    return "\n".join(lines) + "\n"


def _sentence(docstring: str) -> str:
    """Return the first paragraph of a docstring on one line, cut where it is long."""
    line = " ".join(docstring.strip().partition("\n\n")[0].split())
    return line if len(line) <= _SENTENCE else line[:_SENTENCE].rpartition(" ")[0] + " ..."
