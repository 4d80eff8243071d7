"""What an index has to offer for a task: hits, the rest of definitions that were cut, the rest of the files.

The best hits come first. Behind them the other hits and the remaining parts of the best files take turns:
with a large budget, what is needed stands more often beside a hit than far down in the ranking.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from inhouse.records import Hit
from inhouse.retrieval.chunking import is_summary
from inhouse.retrieval.context.offers import offer_of, outline_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.records import Chunk, Symbol
    from inhouse.retrieval.context.offers import Offer
    from inhouse.retrieval.index import Index

__all__ = ["HITS", "gather"]

HITS = 100
_HEAD = 10  # of the best hits that nothing comes between
_TURN = 10  # hits between the remaining parts of one file and those of the next
_FILES = 10  # that are offered whole; those of the best hits are among them
_PIECES = 4  # of a function that was cut
_WHOLE = frozenset({"function", "method"})
_BESIDE = "in a file that was found"


def gather(index: Index, task: str) -> list[Offer]:
    """Return offers, best first: hits and the parts beside them, then the definitions in the best files."""
    hits = index.search(task, HITS)
    paths = list(dict.fromkeys(hit.chunk.path for hit in hits))
    outlines = {path: index.outline(path) for path in paths}
    chunks = {path: _spans(index, path) for path in paths[:_FILES]}
    offers = _in_turns(hits, chunks, outlines)
    languages = {hit.chunk.path: hit.chunk.language for hit in hits}
    return [*offers, *(outline_of(path, languages[path], outlines[path], _BESIDE) for path in chunks)]


def _spans(index: Index, path: str) -> list[Chunk]:
    return [chunk for chunk in index.store.chunks_of(path).values() if not is_summary(chunk)]


def _in_turns(
    hits: Sequence[Hit], chunks: dict[str, list[Chunk]], outlines: dict[str, list[Symbol]]
) -> Iterator[Offer]:
    """Yield the best hits with the rest of their functions, then files and other hits in turns."""
    found = {(hit.chunk.path, hit.chunk.start) for hit in hits}
    for hit in hits[:_HEAD]:
        path = hit.chunk.path
        yield offer_of(hit, outlines[path])
        if any(_is_cut(hit.chunk, symbol) for symbol in outlines[path]):
            rest = [chunk for chunk in _others(hit.chunk, chunks[path]) if (path, chunk.start) not in found]
            found.update((path, chunk.start) for chunk in rest[: _PIECES - 1])
            for chunk in rest[: _PIECES - 1]:
                yield offer_of(Hit(chunk, hit.score, f"the rest of {chunk.symbol}"), outlines[path])
    files = [*chunks.values()]
    for turn, start in enumerate(range(_HEAD, _HEAD + HITS, _TURN)):
        for chunk in files[turn] if turn < len(files) else ():
            if (chunk.path, chunk.start) not in found:
                yield replace(offer_of(Hit(chunk, 0.0, _BESIDE)), signatures=())  # its outline comes later
        yield from (offer_of(hit, outlines[hit.chunk.path]) for hit in hits[start : start + _TURN])


def _is_cut(chunk: Chunk, symbol: Symbol) -> bool:
    named = symbol.qualified_name == chunk.symbol and symbol.kind in _WHOLE
    around = symbol.start < chunk.end and chunk.start < symbol.end
    return named and around and not chunk.start <= symbol.start <= symbol.end <= chunk.end


def _others(chunk: Chunk, chunks: Sequence[Chunk]) -> list[Chunk]:
    same = [other for other in chunks if other.symbol == chunk.symbol and other.start != chunk.start]
    return sorted(same, key=lambda other: (abs(other.start - chunk.start), other.start))
