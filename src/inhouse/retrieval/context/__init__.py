"""Context under an exact token budget: the best in full, then signatures, then paths, and nothing twice.

    # commit 62558a35e5f1                       of the index, where it is known

    # src/app/retry.py                          a file: what its bodies import
    import time
    # src/app/retry.py:10-24 in class Retry     where lines are from, and the definitions around them
        def wait(self, attempt): ...
    class Other  # 30-60                        a definition that is not shown
        def stop(self)  # 41-44

    # src/app/clock.py                          a file of which nothing is shown

`assemble` serves a model that goes on writing: bodies or their first lines or a signature, the best nearest
to the end. `for_task` serves a reader with a task, and is what `inhouse context` prints: by file and by
dependency, in all forms.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from inhouse.retrieval.context.choice import CURSOR, TASK
from inhouse.retrieval.context.fitting import fit
from inhouse.retrieval.context.gathering import gather
from inhouse.retrieval.context.layout import ByFile, ByRank
from inhouse.retrieval.context.offers import PATH, offer_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from inhouse.records import Chunk, Hit
    from inhouse.retrieval.context.fitting import Fitted
    from inhouse.retrieval.context.layout import Layout
    from inhouse.retrieval.index import Index

__all__ = ["Context", "Piece", "assemble", "for_task"]


@dataclass(frozen=True, slots=True)
class Piece:
    """Something in the text: lines of a file, the signature of a definition on these lines, or a path."""

    path: str
    start_line: int
    end_line: int
    symbol: str
    form: str  # body, signature or path; the lines of a path are 0
    why: str
    tokens: int  # of the piece with its mark, counted by itself


@dataclass(frozen=True, slots=True)
class Context:
    """Text for a model, its exact size, and what is in it in the order of the text."""

    text: str
    tokens: int
    chunks: tuple[Chunk, ...]  # those of which lines or a signature are shown
    pieces: tuple[Piece, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)


def assemble(hits: Sequence[Hit], budget: int, count: Callable[[str], int], *, already: str = "") -> Context:
    """Return as much of the hits, best first, as fits into `budget`, as `count` measures the whole text.

    The best stands last. `already` is text that the model sees anyway: a hit whose lines mostly stand there
    is left out.
    """
    layout = ByRank()
    found = fit([offer_of(hit) for hit in hits], budget, count, layout, CURSOR, already)
    return _context(found, layout, count)


def for_task(
    index: Index,
    task: str,
    budget: int,
    count: Callable[[str], int],
    *,
    commit: str = "",
) -> Context:
    """Return what an index has for a task in at most `budget` tokens, by file and dependency, in all forms.

    What the task quotes is left out. `commit` is named in the text, where it is known. A budget in which not
    even a path fits gives an empty text, with the number of hits in `left_out`.
    """
    layout = ByFile(commit, lambda paths: _needs(index, paths))
    with index.store.reading():
        found = fit(gather(index, task), budget, count, layout, TASK, task)
        return _context(found, layout, count)


def _needs(index: Index, paths: Sequence[str]) -> dict[str, set[str]]:
    """Return by file which of the others it depends on; tests and guesses among several do not count."""
    needs: dict[str, set[str]] = {}
    for edge in index.graph().edges_among(paths):
        if edge.certainty != "ambiguous" and edge.kind != "tests":
            needs.setdefault(edge.source_path, set()).add(edge.target_path)
    return needs


def _context(found: Fitted, layout: Layout, count: Callable[[str], int]) -> Context:
    ordered = layout.ordered(found.parts)
    chunks = dict.fromkeys(part.offer.chunk for part in ordered if part.offer.chunk and part.form != PATH)
    pieces = [
        Piece(
            part.offer.path,
            part.start_line,
            part.end_line,
            part.symbol,
            part.form,
            part.offer.why,
            count(layout.adds(part)),
        )
        for part in ordered
    ]
    left_out = {
        "visible": found.visible,
        "repeated": found.repeated,
        "no_room": found.no_room,
        "shortened": found.shortened,
        "unlisted": found.unlisted,
    }
    return Context(found.text, found.tokens, tuple(chunks), tuple(pieces), left_out)
