"""What a query captured, turned into plain values that no longer need the tree."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from inhouse.languages.grammar import KINDS, Definition, Grammar, one_line, span, text
from inhouse.languages.parsed import Comment, Import
from inhouse.languages.types import plain_type

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tree_sitter import Node

    from inhouse.languages.grammar import Binding

__all__ = ["Called", "Found", "Mentioned", "collect"]

_MAX_CALLEE = 200  # bytes of a callee that are looked at
_INK = re.compile(rb"\S")
_TYPE_ARGUMENTS = re.compile(r"<[^<>]*>")
_EXPRESSION = re.compile(r"(?:[^\w.:$>?!#-]|(?<![.])#)+")  # this.#name is a name
_PLAIN = re.compile(r"\w[\w.]*\w|\w")
_JOINT = r"\s*(?:\.|\?\.|->)\s*"
_OF_A_CALL = re.compile(rf"(?:new\s+)?([\w.:$]+\([^()]*\)(?:{_JOINT}\w+\([^()]*\))*){_JOINT}\w+")
_ARGUMENTS = re.compile(r"\([^()]*\)|\s+")
_JOINTS = frozenset({".", ":", "-", "?", "!"})
_MENTIONS = {"inherit": "inherit", "applied": "call", "used": "type"}  # kind by capture


Span = tuple[int, int]  # start, end
Called = tuple[str, str | None, int]  # name, what it is called on, line; plain tuples: there are very many
Mentioned = tuple[str, tuple[tuple[str, str], ...], int]  # name, what it binds, line


@dataclass(slots=True)
class Found:
    """What the query captured, by start offset, so that parses of overlapping pieces merge."""

    definitions: dict[int, list[Definition]] = field(default_factory=dict)
    wrappers: dict[int, tuple[int, int]] = field(
        default_factory=dict
    )  # start inside -> (start, line) outside
    imports: dict[int, list[Import]] = field(default_factory=dict)
    calls: dict[Span, Called] = field(default_factory=dict)
    bound: dict[Span, str] = field(default_factory=dict)  # span of a call -> its variable
    mentions: dict[tuple[int, int, str], Mentioned] = field(default_factory=dict)  # by span and kind
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
        self.bound = other.bound | self.bound
        self.mentions = other.mentions | self.mentions
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
        name, on = grammar.chained(node, source) or _callee(source, *grammar.callee(node))
        on = "" if on and len(on) > _MAX_CALLEE else on
        if name:  # what a subscript or a literal function gives has no name
            found.calls[node.byte_range] = (name + grammar.mark(node), on, node.start_point[0] + 1)
    for node in captures.get("comment", ()):
        start, end = span(node, source)
        line = node.start_point[0] + 1
        found.comments[start] = Comment(source[start:end].decode("utf-8", "replace"), line, start, end)
    _add_mentions(found, grammar, captures, source)
    return found


def _add_mentions(found: Found, grammar: Grammar, captures: dict[str, list[Node]], source: bytes) -> None:
    for capture, kind in _MENTIONS.items():
        for node in captures.get(capture, ()):
            _mention(found, kind, node, text(node, source), ())
    for node in captures.get("bind", ()):
        for binding in grammar.bindings(node, source):
            _bind(found, binding, source)
    for node in captures.get("export", ()):
        exported = tuple(grammar.exports(node, source))
        if exported:
            _mention(found, "export", node, exported[0][1], exported)


def _bind(found: Found, binding: Binding, source: bytes) -> None:
    """Keep what a variable is: beside the call that gives it its value, else as a mention of its own."""
    if binding.kind == "call":
        found.bound[binding.node.byte_range] = binding.variable
        return
    written = text(binding.node, source)
    name = plain_type(written) if binding.kind == "type" else written
    if name:
        same = found.mentions.get((*binding.node.byte_range, binding.kind), ("", (), 0))
        _mention(found, binding.kind, binding.node, name, (*same[1], (binding.variable, "")))


def _mention(found: Found, kind: str, node: Node, written: str, bound: tuple[tuple[str, str], ...]) -> None:
    name = written if written.isidentifier() else "".join(written.split())
    if name and len(name) <= _MAX_CALLEE:
        start, end = node.byte_range
        found.mentions[start, end, kind] = (name, bound, node.start_point[0] + 1)


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
        Import(statement, found.module, found.names, line, start, end, found.bound)
        for found in grammar.imports(node, source)
    ]


def _callee(source: bytes, start: int, end: int) -> tuple[str, str | None]:
    """Return a callee as written, or its last part, and what it is called on, where it is an expression."""
    name = source[max(start, end - _MAX_CALLEE) : end].decode("utf-8", "replace")
    if _PLAIN.fullmatch(name):
        return name, None
    while "<" in name and (plain := _TYPE_ARGUMENTS.sub("", name)) != name:
        name = plain
    *before, last = _EXPRESSION.split("".join(name.split()))
    if not before or last[:1] not in _JOINTS:
        return last.strip(".:->?!"), None
    on = _OF_A_CALL.fullmatch(name) if end - start <= _MAX_CALLEE else None
    return last.strip(".:->?!"), _ARGUMENTS.sub(_emptied, on[1]) if on else ""


def _emptied(arguments: re.Match[str]) -> str:
    """Return what stands for arguments, and nothing for white space."""
    return "()" if arguments[0][0] == "(" else ""
