"""From source text to a parse: one query per language, and a second try where the file does not parse.

    source --parse--> tree --query--> captures --define--> definitions --nest--> symbols
                       |
                       errors: repaired, then cut into pieces by layout (`recovery`), each parsed alone

Error recovery of the parser itself takes cubic time on noise such as a long run of "->", and some grammars
take memory with it, so a parse is stopped where it makes too many steps for the bytes it covers. Steps are
counted, not timed, so that the result never depends on the machine.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from tree_sitter import Language, Parser, Query, QueryCursor

from inhouse.languages.captures import Found, collect
from inhouse.languages.recovery import Piece, pieces
from inhouse.languages.symbols import assemble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tree_sitter import Node, Range, Tree

    from inhouse.languages.grammar import Definition, Grammar
    from inhouse.languages.parsed import Parsed

__all__ = ["parse_with", "tree_with"]

_MAX_BYTES = 2_000_000  # queries over one flat list of a million elements take seconds
_MAX_FLAT_ERROR = 5_000  # children of one error node: querying it takes their number squared
_BLOCK = 1 << 16
_STRIDE = 256  # parser steps between two looks at its progress
_BYTES_PER_STEP = 32  # tables of numbers take a step for 47 bytes, other code for 70; noise for 25 or less
_FREE_STEPS = 500  # what small files may take beyond that
_TAIL = 4_096  # bytes at the end that are not looked at: there the finished tree is balanced
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def parse_with(grammar: Grammar, path: str, text: str) -> Parsed:
    """Parse a file with a grammar; what stands in sound places is kept whatever the rest looks like."""
    source = _encode(text)
    return assemble(grammar, path, source, _read(grammar, source))


def tree_with(grammar: Grammar, text: str) -> Node | None:
    """Return the root of a syntax tree, errors and all; None where a parse or a look at it costs too much."""
    source = _encode(text)
    if len(source) > _MAX_BYTES or grammar.hopeless(source):
        return None
    parser, _ = _compiled(grammar)
    parser.included_ranges = []
    tree = _run(parser, source, len(source), len(source))
    return None if tree is None or _is_flat_error(tree.root_node) else tree.root_node


def _encode(text: str) -> bytes:
    """Encode for the parser, every byte offset kept: a lone surrogate and its stand-in take three bytes."""
    return _LONE_SURROGATE.sub("\ufffd", text).replace("\0", " ").encode()


@cache
def _compiled(grammar: Grammar) -> tuple[Parser, Query]:
    language = Language(grammar.load())
    return Parser(language), Query(language, grammar.query + "(ERROR) @error (MISSING) @error")


def _read(grammar: Grammar, source: bytes) -> Found:
    if len(source) > _MAX_BYTES or grammar.hopeless(source):
        return Found(errors=1)
    source = grammar.prepare(source)
    found = _try(grammar, source, ())
    if found is not None and not found.errors:
        return found
    whole = found if found is not None else Found(errors=1)
    return replace(_recover(grammar, source, whole), errors=whole.errors)


def _recover(grammar: Grammar, source: bytes, whole: Found) -> Found:
    """Return what a repaired source and its pieces give, and every detail that the whole gave."""
    best = whole
    repaired = grammar.repair(source)
    if repaired is not None:
        again = _try(grammar, repaired, ())
        if again is not None and again.errors < best.errors:
            best, source = again, repaired
    if best.errors:
        cut = Found()
        for piece in pieces(source, grammar.begins, grammar.container, grammar.space):
            cut.merge(_read_piece(grammar, source, piece))
        is_repaired = best is not whole  # a tree with few errors knows best what encloses what
        best = cut if cut.count() >= best.count() + is_repaired else best
    if best is not whole:
        best.add_details(whole)
    return best


def _read_piece(grammar: Grammar, source: bytes, piece: Piece) -> Found:
    """Return what a piece holds; what it opens and does not close ends with it."""
    found = _try(grammar, source, piece.ranges) or Found()
    if piece.outline and not any(start >= piece.start for start in found.definitions):
        found.merge(_try(grammar, source, piece.outline) or Found())
    for start, definitions in found.definitions.items():
        if start >= piece.start:
            found.definitions[start] = [_end_by(definition, piece.end, source) for definition in definitions]
    return found


def _end_by(definition: Definition, end: int, source: bytes) -> Definition:
    if definition.end <= end:
        return definition
    last = definition.start_line + source.count(b"\n", definition.start, end)
    return definition._replace(end=end, end_line=last, body=min(definition.body, end), tail=0)


def _try(grammar: Grammar, source: bytes, ranges: Sequence[Range]) -> Found | None:
    """Parse and query the source, or only `ranges` of it; None when that would cost too much."""
    parser, query = _compiled(grammar)
    size = sum(part.end_byte - part.start_byte for part in ranges) if ranges else len(source)
    parser.included_ranges = list(ranges)
    tree = _run(parser, source, size, ranges[-1].end_byte if ranges else len(source))
    if tree is None or _is_flat_error(tree.root_node):
        return None
    return collect(grammar, QueryCursor(query).captures(tree.root_node), source)


def _run(parser: Parser, source: bytes, size: int, end: int) -> Tree | None:
    whole = memoryview(source)
    parts: list[memoryview] = []
    steps = mark = 0
    most = _FREE_STEPS + size // _BYTES_PER_STEP

    def read(offset: int, _point: object) -> memoryview:
        parts.append(whole[offset : offset + _BLOCK])
        return parts[-1]

    def is_stuck(offset: int, _has_error: bool) -> bool:
        nonlocal steps, mark
        steps += 1
        if steps % _STRIDE == 0 and offset < end - _TAIL:
            slow, mark = offset - mark < _STRIDE * _BYTES_PER_STEP, offset
            return slow
        return steps > most

    try:
        return parser.parse(read, progress_callback=is_stuck)
    except ValueError:  # stopped by the above
        parser.reset()
        return None
    finally:
        for part in parts:  # the binding never lets go of what it was given
            part.release()


def _is_flat_error(root: Node) -> bool:
    if not root.has_error:
        return False
    return any(
        node.is_error and node.child_count > _MAX_FLAT_ERROR
        for node in (root, *root.children[:_MAX_FLAT_ERROR])
    )
