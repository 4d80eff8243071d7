"""Chunks: a file cut into spans that can be found and read alone, one file of this room per strategy.

    definition      a class or function that fits, a larger one in parts: what an index uses by default
    fixed           equal sizes, 10-18% of each shared with the one before
    sliding         equal sizes, half of each shared with the one before
    file            whole files
    function        every function and method by itself
    semantic        nodes of the syntax tree, split and merged under a token budget
    hierarchical    functions, with summaries of classes and files
    file_tree       definitions, with what stands beside their file

Chunks are exact spans of bytes in whole lines; only a line that is larger than a chunk is cut inside. They
cover the file: put together, the texts are the file (`own_text` where chunks overlap).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.languages import detect, parse
from inhouse.retrieval.chunking import (
    definition,
    file_tree,
    function,
    hierarchical,
    semantic,
    whole_file,
    windows,
)
from inhouse.retrieval.chunking.file_tree import outlines
from inhouse.retrieval.chunking.source import DEFINITIONS, Source
from inhouse.retrieval.chunking.strategy import Strategy, chunks_of
from inhouse.retrieval.chunking.tokens import estimate_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from inhouse.languages import Parsed
    from inhouse.records import Chunk

__all__ = [
    "DEFAULT",
    "DEFINITIONS",
    "MAX_BYTES",
    "MAX_TOKENS",
    "STRATEGIES",
    "Strategy",
    "chunk_by",
    "chunk_file",
    "chunk_parsed",
    "estimate_tokens",
    "is_summary",
    "outlines",
    "own_text",
]

MAX_BYTES = 2_400
"""Of a chunk where bytes count: a long function."""

MAX_TOKENS = 600
"""Of a chunk where tokens count."""

DEFAULT = "definition"

STRATEGIES = {
    strategy.name: strategy
    for strategy in (
        Strategy("definition", definition.cut, "a class or function that fits, a larger one in parts"),
        Strategy("fixed", windows.fixed, "equal sizes, 10-18% shared with the one before", overlaps=True),
        Strategy("sliding", windows.sliding, "equal sizes, half shared with the one before", overlaps=True),
        Strategy("file", whole_file.cut, "whole files"),
        Strategy("function", function.cut, "every function and method by itself"),
        Strategy("semantic", semantic.cut, "nodes of the syntax tree, split and merged under a budget"),
        Strategy("hierarchical", hierarchical.cut, "functions, with summaries of classes and files"),
        Strategy(
            "file_tree", file_tree.cut, "definitions, with what stands beside them", needs_neighbours=True
        ),
    )
}
"""By name."""


def chunk_by(
    parsed: Parsed,
    path: str,
    text: str,
    strategy: str = DEFAULT,
    *,
    max_bytes: int = MAX_BYTES,
    max_tokens: int = MAX_TOKENS,
    count: Callable[[str], int] | None = None,
    neighbours: tuple[str, ...] = (),
) -> list[Chunk]:
    """Return the chunks of a parsed file in the order of their beginnings, by one of the `STRATEGIES`.

    `count` counts the tokens of a text; `estimate_tokens` where it is left out. `fixed`, `sliding` and
    `semantic` keep to `max_tokens`, counted line by line; `definition`, `hierarchical` and `file_tree` to
    `max_bytes`; `function` does so between functions. `neighbours` is the file's entry in `outlines`.
    """
    source = Source(
        parsed,
        path,
        text,
        max_bytes=max_bytes,
        max_tokens=max_tokens,
        count=count,
        neighbours=neighbours,
    )
    return chunks_of(source, STRATEGIES[strategy])


def chunk_parsed(parsed: Parsed, path: str, text: str, max_bytes: int = MAX_BYTES) -> list[Chunk]:
    """Return the chunks of a parsed file by the default strategy."""
    return chunk_by(parsed, path, text, max_bytes=max_bytes)


def chunk_file(path: str, text: str, max_bytes: int = MAX_BYTES) -> list[Chunk]:
    """Parse a file and return its chunks by the default strategy."""
    return chunk_parsed(parse(path, text, detect(path, text)), path, text, max_bytes)


def is_summary(chunk: Chunk) -> bool:
    """Tell a summary, which holds nothing of its file, from a span of it."""
    return chunk.start == chunk.end


def own_text(chunks: Sequence[Chunk]) -> Iterator[str]:
    """Yield of each chunk of a file what it does not share with those before; joined, that is the file."""
    reached = 0
    for one in chunks:
        if not is_summary(one):
            shared = max(0, reached - one.start)
            yield one.text.encode("utf-8", "surrogatepass")[shared:].decode("utf-8", "surrogatepass")
            reached = max(reached, one.end)
