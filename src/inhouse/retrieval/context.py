"""Context under an exact token budget: what was found, best last, nothing twice.

    # src/app/retry.py:10-24 class Retry          where it is from, and its enclosing scope
    def wait(self, attempt): ...                  the body, or its first lines, or its signature

A chunk that does not fit whole is shortened to its first lines, then to its signature, then left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from inhouse.records import Chunk, Hit

__all__ = ["Context", "assemble"]

_MIN_LINES = 3  # of a shortened body; fewer say less than the signature
_SAME = 0.8  # share of lines from which a chunk counts as there already
_SLASHES = frozenset({"c", "cpp", "go", "java", "javascript", "rust", "typescript"})


@dataclass(frozen=True, slots=True)
class Context:
    """Text for the model, its exact size, and the chunks that are in it, best last."""

    text: str
    tokens: int
    chunks: tuple[Chunk, ...]


def assemble(hits: Sequence[Hit], budget: int, count: Callable[[str], int], *, already: str = "") -> Context:
    """Return as many hits as fit into `budget`, which `count` measures on the whole text.

    `already` is text that the model sees anyway: a chunk whose lines mostly stand there is left out.
    """
    visible = set(_lines(already))
    pieces: list[str] = []
    chunks: list[Chunk] = []
    for hit in hits:
        if _is_visible(hit.chunk, visible) or any(_overlap(hit.chunk, other) for other in chunks):
            continue
        piece = _fitting(hit.chunk, pieces, budget, count)
        if piece:
            pieces.insert(0, piece)
            chunks.insert(0, hit.chunk)
            visible.update(_lines(piece))
    text = "".join(pieces)
    return Context(text, count(text) if text else 0, tuple(chunks))


def _fitting(chunk: Chunk, pieces: Sequence[str], budget: int, count: Callable[[str], int]) -> str:
    """Return the fullest form of a chunk that fits beside the others, or ""."""
    rest = "".join(pieces)
    for form in _forms(chunk):
        if count(form + rest) <= budget:
            return form
    return ""


def _forms(chunk: Chunk) -> Iterator[str]:
    """Yield a chunk whole, then its first lines, half as many each time, then its signature."""
    head = f"{_comment(chunk)} {_place(chunk)}\n"
    lines = chunk.text.strip("\n").split("\n")
    yield head + "\n".join(lines) + "\n"
    size = len(lines) * 3 // 4
    while size >= _MIN_LINES:
        yield head + "\n".join(lines[:size]) + "\n"
        size = size * 3 // 4
    first = next((line for line in lines if line.strip()), "")
    if chunk.symbol and first:
        yield f"{head}{first}\n"


def _place(chunk: Chunk) -> str:
    scope = f" {' / '.join(chunk.scope)}" if chunk.scope else ""
    return f"{chunk.path}:{chunk.start_line}-{chunk.end_line}{scope}"


def _comment(chunk: Chunk) -> str:
    return "//" if chunk.language in _SLASHES else "#"


def _is_visible(chunk: Chunk, visible: set[str]) -> bool:
    lines = list(_lines(chunk.text))
    return not lines or sum(line in visible for line in lines) >= _SAME * len(lines)


def _lines(text: str) -> Iterator[str]:
    return (line.strip() for line in text.split("\n") if line.strip())


def _overlap(one: Chunk, other: Chunk) -> bool:
    return one.path == other.path and one.start < other.end and other.start < one.end
