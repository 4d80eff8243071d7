"""What a query captured, turned into plain values that no longer need the tree."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from inhouse.languages.grammar import KINDS, Definition, Grammar, one_line, span
from inhouse.languages.parsed import Comment, Import

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tree_sitter import Node

__all__ = ["Found", "collect"]

_MAX_CALLEE = 200  # bytes of a callee that are looked at
_INK = re.compile(rb"\S")
_TYPE_ARGUMENTS = re.compile(r"<[^<>]*>")
_EXPRESSION = re.compile(r"[^\w.:$>?!-]+")


@dataclass(slots=True)
class Found:
    """What the query captured, by start offset, so that parses of overlapping pieces merge."""

    definitions: dict[int, list[Definition]] = field(default_factory=dict)
    wrappers: dict[int, tuple[int, int]] = field(
        default_factory=dict
    )  # start inside -> (start, line) outside
    imports: dict[int, list[Import]] = field(default_factory=dict)
    calls: dict[tuple[int, int], tuple[str, int]] = field(default_factory=dict)  # span -> name, line
    comments: dict[int, Comment] = field(default_factory=dict)
    errors: int = 0

    def merge(self, other: Found) -> None:
        """Add what `other` found elsewhere; a definition seen twice keeps its longer extent."""
        for start, definitions in other.definitions.items():
            for definition in definitions:
                _add_definition(self.definitions.setdefault(start, []), definition)
        self.add_details(other)

    def add_details(self, other: Found) -> None:
        """Add everything but the definitions."""
        self.wrappers = other.wrappers | self.wrappers
        self.imports = other.imports | self.imports
        self.calls = other.calls | self.calls
        self.comments = other.comments | self.comments

    def count(self) -> int:
        """Return the number of definitions."""
        return sum(map(len, self.definitions.values()))


def collect(grammar: Grammar, captures: dict[str, list[Node]], source: bytes) -> Found:
    """Return everything that the query captured in one tree."""
    found = Found(errors=len(captures.get("error", ())))
    for kind in KINDS & captures.keys():
        for node in captures[kind]:
            definition = grammar.define(node, kind, source)
            if definition is not None:
                _add_definition(found.definitions.setdefault(definition.start, []), definition)
    found.wrappers = _wrappers(captures.get("wrapper", ()), captures.get("attribute", ()), source)
    for node in captures.get("import", ()):
        found.imports[node.start_byte] = _imports(grammar, node, source)
    for node in captures.get("call", ()):
        name = _callee(source, *grammar.callee(node))
        if name:  # what a subscript or a literal function gives has no name
            found.calls[node.byte_range] = (name, node.start_point[0] + 1)
    for node in captures.get("comment", ()):
        start, end = span(node, source)
        line = node.start_point[0] + 1
        found.comments[start] = Comment(source[start:end].decode("utf-8", "replace"), line, start, end)
    return found


def _wrappers(
    wrappers: Iterable[Node], attributes: Iterable[Node], source: bytes
) -> dict[int, tuple[int, int]]:
    """Return where what belongs to a definition begins, by the start of what follows it."""
    outside = {}
    for node in wrappers:
        last = node.named_child(node.named_child_count - 1) if node.named_child_count else None
        if last is not None and last.start_byte > node.start_byte:
            outside[last.start_byte] = (node.start_byte, node.start_point[0] + 1)
    for node in attributes:
        below = _INK.search(source, node.end_byte)
        if below:
            outside[below.start()] = (node.start_byte, node.start_point[0] + 1)
    return outside


def _add_definition(same_start: list[Definition], definition: Definition) -> None:
    for place, known in enumerate(same_start):
        if (known.name, known.kind) == (definition.name, definition.kind):
            if definition.end > known.end:
                same_start[place] = definition
            return
    same_start.append(definition)


def _imports(grammar: Grammar, node: Node, source: bytes) -> list[Import]:
    start, end = span(node, source)
    statement = grammar.import_keyword + one_line(source[start:end])
    line = node.start_point[0] + 1
    return [
        Import(statement, module, names, line, start, end) for module, names in grammar.imports(node, source)
    ]


def _callee(source: bytes, start: int, end: int) -> str:
    """Return a callee as written, or its last part where it is itself an expression."""
    name = source[max(start, end - _MAX_CALLEE) : end].decode("utf-8", "replace")
    if name.isidentifier():
        return name
    while "<" in name and (plain := _TYPE_ARGUMENTS.sub("", name)) != name:
        name = plain
    return _EXPRESSION.split("".join(name.split()))[-1].strip(".:->?!")
