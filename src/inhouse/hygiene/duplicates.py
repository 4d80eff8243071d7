"""Near-duplicates: whole files against each other, and short spans against everything that was learnt.

Text is seen as its set of *shingles*, the runs of k tokens in a row. A token is a word (letters, digits, the
underscore, all that is not ASCII) or one other character; blanks do not count. Shingles are 64-bit hashes.

- Files: Jaccard similarity |A & B| / |A | B| of 5-token shingles (Broder 1997,
  https://doi.org/10.1109/SEQUEN.1997.666900). MinHash sketches in locality-sensitive buckets (rensa) propose
  pairs, the shingle sets themselves decide: the threshold is exact, and a pair above it is missed with a
  probability below one in a million.
- Spans: *containment* |S & T| / |S| of the span's 3-token shingles in one text T, exact, by an inverted
  index. A span copied into a long file has a containment of 1 there, and hardly any Jaccard similarity.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import rensa

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]

__all__ = [
    "FILE_SHINGLE",
    "MIN_SPAN_SHINGLES",
    "SPAN_SHINGLE",
    "NearIndex",
    "SpanIndex",
    "SpansWithin",
    "near_duplicates",
]

FILE_SHINGLE = 5
"""Tokens in a shingle of a file; a file with fewer tokens is like no other."""

SPAN_SHINGLE = 3
"""Tokens in a shingle of a span."""

MIN_SPAN_SHINGLES = 8
"""A span with fewer different shingles is compared line by line: so few are found in any long file."""

_TOKEN = re.compile(rb"[\w\x80-\xff]+|[^\w\s]")
_ODD = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F],
    np.uint64,
)
_SLOTS = 128  # of a MinHash sketch
_SEED = 1
_MAX_MISS = 1e-6
_BATCH = 2_000_000  # shingles sketched at once

_OWNER_BITS = 24
_OWNER_MASK = np.uint64((1 << _OWNER_BITS) - 1)


def near_duplicates(texts: Iterable[str], threshold: float) -> list[tuple[int, int, float]]:
    """Return (later, earlier, Jaccard) for every text that nearly duplicates an earlier one that is kept.

    Texts are taken in order: one is kept unless its similarity to a kept one reaches `threshold`; it is then
    reported with the most similar of those (of equals the first). `texts` is gone through twice, so that only
    the shingles of texts that may have a double are in memory: it can be a list, or read itself from disk.
    """
    suspects = _suspects(texts, threshold)
    kept = NearIndex(threshold)
    found: list[tuple[int, int, float]] = []
    for number, text in enumerate(texts):
        if number not in suspects:
            continue
        near = kept.find_or_add(number, text)
        if near is not None:
            found.append((number, *near))
    return found


class NearIndex:
    """Finds the most similar of the texts that were added: Jaccard similarity of their FILE_SHINGLEs.

    MinHash proposes, the shingles decide, as in `near_duplicates`. A text without shingles is like no other.
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._buckets = rensa.RMinHashLSH(threshold, _SLOTS, _bands(threshold))
        self._kept: dict[int, Hashes] = {}
        self._known: Hashes | None = None

    def freeze(self) -> None:
        """Say that nothing more is added: most texts are then told apart without a sketch."""
        self._known = np.unique(np.concatenate([np.empty(0, np.uint64), *self._kept.values()]))

    def add(self, key: int, text: str) -> None:
        """Add a text under a number of its own."""
        own = _shingles(text, FILE_SHINGLE)
        if len(own):
            self._insert(key, own, _sketch_of(own))

    def find(self, text: str) -> tuple[int, float] | None:
        """Return the number of the most similar text, of equals the lowest, if it reaches the threshold."""
        own = _shingles(text, FILE_SHINGLE)
        return self._nearest(own, _sketch_of(own)) if len(own) and self._may_hold(own) else None

    def find_or_add(self, key: int, text: str) -> tuple[int, float] | None:
        """Do as `find` does, and add the text where nothing is found; before `freeze`."""
        own = _shingles(text, FILE_SHINGLE)
        if not len(own):
            return None
        sketch = _sketch_of(own)
        near = self._nearest(own, sketch)
        if near is None:
            self._insert(key, own, sketch)
        return near

    def may_hold_part(self, text: str) -> bool:
        """Tell whether a part of a text may be found; after `freeze`.

        |A & B| >= t |B|, and the shingles of a part are among those of the text.
        """
        own = _shingles(text, FILE_SHINGLE)
        if self._known is None or not len(self._known) or not len(own):
            return self._known is None
        return self._shared(own, self._known) >= self._threshold * min(map(len, self._kept.values()))

    def _may_hold(self, own: Hashes) -> bool:
        """Tell whether enough shingles are known: |A & B| >= t |A | B| is never less than t |A|."""
        if self._known is None or not len(self._known):
            return self._known is None
        return self._shared(own, self._known) >= self._threshold * len(own)

    def _insert(self, key: int, own: Hashes, sketch: Any) -> None:
        self._kept[key] = own
        self._buckets.insert(key, sketch)

    def _nearest(self, own: Hashes, sketch: Any) -> tuple[int, float] | None:
        near = [(_jaccard(own, self._kept[other]), -other) for other in self._buckets.query(sketch)]
        similarity, other = max(near, default=(0.0, 0))
        return (-other, similarity) if similarity >= self._threshold else None

    @staticmethod
    def _shared(own: Hashes, known: Hashes) -> int:
        """Return how many of some shingles are among sorted ones."""
        places = np.searchsorted(known, own).clip(max=len(known) - 1)
        return int((known[places] == own).sum())


class SpanIndex:
    """Finds where a short span was seen before: add whole texts, then look spans up.

    `find` gives the share of the span's different shingles that occur, anywhere, in one added text. A span
    with fewer than MIN_SPAN_SHINGLES is found only where its lines occur one after the other, as they are
    but for blanks; its share is then 1.
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._keys: list[str] = []
        self._pending: list[Hashes] = []
        self._postings = np.empty(0, np.uint64)  # 40 bits of a shingle, 24 bits of its text; sorted
        self._pending_lines: list[Hashes] = []
        self._lines = np.empty(0, np.uint64)  # of all texts in a row, a zero after each
        self._line_ends = np.empty(0, np.int64)

    def add(self, key: str, text: str) -> None:
        """Add a text under a name; names need not differ."""
        owner = np.uint64(len(self._keys))
        self._keys.append(key)
        shingles = _shingles(text, SPAN_SHINGLE)
        self._pending.append((shingles & ~_OWNER_MASK) | owner)
        self._pending_lines.append(np.array([*_line_hashes(text), 0], np.uint64))

    def find(self, text: str) -> tuple[str, float] | None:
        """Return the text that holds most of a span, and the share, if it reaches the threshold.

        Of texts with equal shares the one added first is returned.
        """
        if self._pending:
            self._merge()
        shingles = np.unique(_shingles(text, SPAN_SHINGLE) & ~_OWNER_MASK)
        if len(shingles) < MIN_SPAN_SHINGLES:
            return self._find_lines(text)
        shared = _held(self._postings, shingles)
        if not len(shared):
            return None
        best = int(shared.argmax())
        share = float(shared[best]) / len(shingles)
        return (self._keys[best], share) if share >= self._threshold else None

    def _find_lines(self, text: str) -> tuple[str, float] | None:
        run = np.array(_line_hashes(text), np.uint64)
        if not len(run) or len(run) > len(self._lines):
            return None
        starts = np.flatnonzero(self._lines[: len(self._lines) - len(run) + 1] == run[0])
        for offset in range(1, len(run)):
            starts = starts[self._lines[starts + offset] == run[offset]]
        if not len(starts):
            return None
        owner = int(np.searchsorted(self._line_ends, starts[0], "right"))
        return self._keys[owner], 1.0

    def _merge(self) -> None:
        if len(self._keys) > int(_OWNER_MASK):
            raise OverflowError(f"a SpanIndex holds up to {int(_OWNER_MASK)} texts")
        self._postings = np.concatenate([self._postings, *self._pending])
        self._postings.sort()
        ends = np.cumsum([len(lines) for lines in self._pending_lines]) + len(self._lines)
        self._line_ends = np.concatenate([self._line_ends, ends])
        self._lines = np.concatenate([self._lines, *self._pending_lines])
        self._pending, self._pending_lines = [], []


class SpansWithin:
    """Finds which of many short spans a text holds: `SpanIndex` the other way round, by the same rule."""

    def __init__(self, spans: Iterable[str], threshold: float) -> None:
        self._threshold = threshold
        self._short: list[tuple[int, list[int]]] = []
        parts: list[Hashes] = []
        self._sizes: list[int] = []
        for number, span in enumerate(spans):
            shingles = np.unique(_shingles(span, SPAN_SHINGLE) & ~_OWNER_MASK)
            short = len(shingles) < MIN_SPAN_SHINGLES
            if short and (run := _line_hashes(span)):
                self._short.append((number, run))
            self._sizes.append(max(1, len(shingles)))
            parts.append(np.empty(0, np.uint64) if short else shingles | np.uint64(number))
        self._postings = np.sort(np.concatenate([np.empty(0, np.uint64), *parts]))

    def find(self, text: str) -> tuple[int, float] | None:
        """Return the number of the span of which the text holds most, and the share, if that is enough."""
        shingles = np.unique(_shingles(text, SPAN_SHINGLE) & ~_OWNER_MASK)
        held = _held(self._postings, shingles)
        if len(held):
            shares = held / np.array(self._sizes[: len(held)])
            best = int(shares.argmax())
            if shares[best] >= self._threshold:
                return best, float(shares[best])
        return self._find_lines(text)

    def _find_lines(self, text: str) -> tuple[int, float] | None:
        lines = _line_hashes(text)
        known = set(lines)
        for number, run in self._short:
            if run[0] in known and any(lines[at : at + len(run)] == run for at in range(len(lines))):
                return number, 1.0
        return None


def _shingles(text: str, width: int) -> Hashes:
    """Return the sorted, different hashes of all runs of `width` tokens; none for a shorter text."""
    words = _TOKEN.findall(text.encode("utf-8", "surrogatepass"))
    count = len(words) - width + 1
    if count <= 0:
        return np.empty(0, np.uint64)
    tokens = np.fromiter(map(zlib.crc32, words), np.uint64, len(words))
    mixed = tokens[:count] * _ODD[0]
    for offset in range(1, width):
        mixed += tokens[offset : offset + count] * _ODD[offset]
    mixed ^= mixed >> np.uint64(31)  # spread: sketches and buckets want every bit to depend on every token
    mixed *= _ODD[0]
    mixed ^= mixed >> np.uint64(29)
    return np.unique(mixed)


def _suspects(texts: Iterable[str], threshold: float) -> set[int]:
    """Return the texts whose sketch meets another's in some bucket."""
    buckets = rensa.RMinHashLSH(threshold, _SLOTS, _bands(threshold))
    sketched: list[tuple[list[int], Any]] = []
    for numbers, matrix in _sketches(texts):
        buckets.insert_matrix(matrix, sum(len(earlier) for earlier, _ in sketched))
        sketched.append((numbers, matrix))
    return {
        number
        for numbers, matrix in sketched
        for number, meets in zip(numbers, buckets.query_duplicate_flags_matrix(matrix), strict=True)
        if meets
    }


def _sketches(texts: Iterable[str]) -> Iterator[tuple[list[int], Any]]:
    """Yield (numbers of the texts, a row of MinHash slots for each), leaving out texts without shingles."""
    numbers: list[int] = []
    batch: list[Hashes] = []
    total = 0
    for number, text in enumerate(texts):
        shingles = _shingles(text, FILE_SHINGLE)
        if not len(shingles):
            continue
        numbers.append(number)
        batch.append(shingles)
        total += len(shingles)
        if total >= _BATCH:
            yield numbers, _sketch(batch)
            numbers, batch, total = [], [], 0
    if batch:
        yield numbers, _sketch(batch)


def _sketch(batch: list[Hashes]) -> Any:
    offsets = np.concatenate([[0], np.cumsum([len(shingles) for shingles in batch])]).astype(np.uint64)
    hashes = np.concatenate(batch)
    return rensa.RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, _SLOTS, _SEED)


def _held(postings: Hashes, shingles: Hashes) -> NDArray[np.int64]:
    """Return for each owner how many of some shingles it has, up to the last that has one."""
    first = np.searchsorted(postings, shingles, "left")
    last = np.searchsorted(postings, shingles | _OWNER_MASK, "right")
    places = [postings[a:b] for a, b in zip(first, last, strict=True) if b > a]
    owners = np.concatenate([np.empty(0, np.uint64), *places]) & _OWNER_MASK
    return np.bincount(owners.astype(np.int64))


def _sketch_of(shingles: Hashes) -> Any:
    sketch = rensa.RMinHash(_SLOTS, _SEED)
    raw = shingles.tobytes()  # cut by hand: five times as fast as `tobytes` of each
    sketch.update([raw[start : start + 8] for start in range(0, len(raw), 8)])
    return sketch


def _bands(threshold: float) -> int:
    """Return the fewest bands with which a pair at the threshold is missed hardly ever.

    With b bands of r slots a pair of similarity s meets in none of them with probability (1 - s**r)**b.
    """
    bands = 1
    while bands < _SLOTS and (1 - threshold ** (_SLOTS // bands)) ** bands > _MAX_MISS:
        bands *= 2
    return bands


def _jaccard(first: Hashes, second: Hashes) -> float:
    shared = len(np.intersect1d(first, second, assume_unique=True))
    return shared / (len(first) + len(second) - shared)


def _line_hashes(text: str) -> list[int]:
    """Return a hash of each line that is not blank; blanks at its ends and runs of them do not count."""
    lines = (b" ".join(line.split()) for line in text.encode("utf-8", "surrogatepass").split(b"\n"))
    return [zlib.crc32(line) << 32 | zlib.adler32(line) for line in lines if line]
