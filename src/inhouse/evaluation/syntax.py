"""Syntax trees for the judges that read code: one parser per language, hostile input given up early."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from tree_sitter import Language, Parser, Query, QueryCursor

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

__all__ = ["GRAMMARS", "byte_offset", "capture", "encode", "syntax_tree", "text_of"]

GRAMMARS = ("c", "python")
"""Languages that the judges read."""

_MAX_BYTES = 1_000_000
_BLOCK = 1 << 16
_FREE_STEPS, _BYTES_PER_STEP = 2_000, 16  # error recovery on noise takes far more steps for its bytes


def syntax_tree(language: str, source: bytes) -> Tree | None:
    """Return the tree of a file; None for other languages, and where parsing would cost too much."""
    if language not in GRAMMARS or len(source) > _MAX_BYTES:
        return None
    steps = 0
    most = _FREE_STEPS + len(source) // _BYTES_PER_STEP

    def is_stuck(_offset: int, _has_error: bool) -> bool:
        nonlocal steps
        steps += 1
        return steps > most

    parser = Parser(_grammar(language))
    try:
        tree = parser.parse(lambda offset, _: source[offset : offset + _BLOCK], progress_callback=is_stuck)
    except ValueError:  # stopped by the above
        return None
    return parser.parse(source, tree)  # at once; the words of its nodes come from memory, not through a call


def capture(
    language: str, query: str, node: Node, span: tuple[int, int] | None = None
) -> dict[str, list[Node]]:
    """Return what a query captures inside a node, by the names of its captures.

    With a span of bytes, only nodes that begin in it.
    """
    cursor = QueryCursor(_query(language, query))
    if span is None:
        return cursor.captures(node)
    start, end = span
    if start >= end:
        return {}
    cursor.set_byte_range(start, end)
    found = cursor.captures(node)
    return {name: [one for one in nodes if start <= one.start_byte < end] for name, nodes in found.items()}


def text_of(node: Node | None) -> str:
    """Return the source text of a node, "" for None."""
    return "" if node is None or node.text is None else node.text.decode("utf-8", "replace")


def encode(text: str) -> bytes:
    """Encode for the parser; what UTF-8 cannot say becomes a question mark."""
    return text.replace("\0", " ").encode("utf-8", "replace")


def byte_offset(text: str, offset: int) -> int:
    """Return where a character offset of the text lies in its encoded form."""
    return len(encode(text[:offset]))


@cache
def _grammar(language: str) -> Language:
    if language == "python":
        import tree_sitter_python

        return Language(tree_sitter_python.language())
    import tree_sitter_c

    return Language(tree_sitter_c.language())


@cache
def _query(language: str, query: str) -> Query:
    return Query(_grammar(language), query)
