"""Semantic: split-then-merge on the syntax tree under a token budget (cAST, arXiv 2506.15655).

    split    a node that does not fit is divided into its children, those into theirs, down to what fits
    merge    neighbours that fit together become one chunk, as long as they belong to the same definition

The paper counts characters that are no white space, and cuts anywhere; here tokens count, and cuts are at
line starts, with remarks kept by what stands below them. What has no tree is cut at headings and blank lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from inhouse.languages import syntax_tree
from inhouse.retrieval.chunking.places import around, placed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tree_sitter import Node

    from inhouse.retrieval.chunking.places import Place
    from inhouse.retrieval.chunking.source import Part, Source

    Span = tuple[int, int]

__all__ = ["cut"]


class _Unit(NamedTuple):
    """Whole lines with the nodes that begin in them."""

    start: int
    end: int
    nodes: tuple[Node, ...]


def cut(source: Source) -> Iterator[Part]:
    """Yield the parts of a file."""
    root = syntax_tree(source.path, source.text, source.parsed.language)
    size = len(source.bytes)
    spans = list(source.pieces(0, size) if root is None else _split(_Unit(0, size, (root,)), source))
    return placed(spans if root is None else _merged(spans, source), source)


def _split(whole: _Unit, source: Source) -> Iterator[Span]:
    """Yield what fits, and pieces of what is nothing but lines. Trees can be deeper than Python's stack."""
    waiting = [whole]
    while waiting:
        unit = waiting.pop()
        nodes = [child for node in unit.nodes for child in node.children]
        is_line = source.line_end(unit.start + 1) >= unit.end
        if source.cost(unit.start, unit.end) <= source.room:
            yield unit.start, unit.end
        elif is_line or not nodes:
            yield from source.pieces(unit.start, unit.end)
        else:
            waiting += reversed(_units(unit, nodes, source))


def _units(unit: _Unit, nodes: Sequence[Node], source: Source) -> list[_Unit]:
    """Return the lines of a unit divided where nodes begin."""
    starts = [unit.start]
    members: list[list[Node]] = [[]]
    for node in nodes:
        start = source.above(starts[-1], source.line_start(node.start_byte))
        if starts[-1] < start < unit.end:
            starts.append(start)
            members.append([])
        members[-1].append(node)
    ends = [*starts[1:], unit.end]
    return [_Unit(start, end, tuple(own)) for start, end, own in zip(starts, ends, members, strict=True)]


def _merged(spans: Sequence[Span], source: Source) -> Iterator[Span]:
    begun, owner = spans[0], None
    for span, holders in zip(spans, around(spans, source), strict=True):
        mine = _owner(span, holders)
        if span == begun:
            owner = mine
        elif mine == owner and source.cost(begun[0], span[1]) <= source.room:
            begun = begun[0], span[1]
        else:
            yield begun
            begun, owner = span, mine
    yield begun


def _owner(span: Span, holders: Sequence[Place]) -> Place | None:
    """Return the innermost definition that holds more than this span."""
    return next((place for place in reversed(holders) if (place.start, place.end) != span), None)
