"""Examples into rows of equal length, without one document ever seeing another.

A row holds whole examples one after the other. Each restarts its positions at zero, and the model is called
with neither an attention mask nor a cache: only then does transformers derive the block-diagonal mask from
the positions. An all-ones mask, or `use_cache` left at its default, lets documents read those before them.

    input_ids      a0 a1 a2 a3  b0 b1 b2  c0 c1  .  .
    position_ids    0  1  2  3   0  1  2   0  1  0  0      padding: one "document" per token
    labels          - a1 a2 a3   - b1 b2   - c1  -  -      -: no loss; nothing predicts a first token

Shapes: R rows in a forward pass, T tokens of the longest row in it.
"""

from __future__ import annotations

import bisect
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from inhouse.training.objectives import prompt_weight

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.records import Example

__all__ = [
    "IGNORED",
    "Packing",
    "Row",
    "Segment",
    "best_fit_decreasing",
    "collate",
    "pack",
    "pack_phases",
    "schedule",
]

IGNORED = -100
"""The label of a token that carries no loss, as everywhere in PyTorch."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A span of one example's tokens: the whole example, or a piece of one that is longer than a row."""

    example: int
    start: int
    end: int


Row = tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Packing:
    """Rows, and what became of every example."""

    rows: tuple[Row, ...]
    length: int  # tokens that a row can hold
    tokens: int  # tokens in all rows, padding apart
    trained: int  # of them, those that carry loss
    cut: int  # examples longer than a row, cut into pieces
    without_loss: int  # examples, or pieces of one, in which no token carries loss: left out

    @property
    def efficiency(self) -> float:
        """Share of the rows that is not padding."""
        return self.tokens / (len(self.rows) * self.length) if self.rows else 0.0


def pack_phases(phases: Sequence[Sequence[Example]], length: int) -> tuple[Packing, list[int]]:
    """Pack each phase by itself; return the packing of all, one after the other, and the rows of each.

    Segments count the examples of all phases in a row.
    """
    rows: list[Row] = []
    counts: list[int] = []
    packings = [pack(phase, length) for phase in phases]
    offset = 0
    for phase, packing in zip(phases, packings, strict=True):
        rows += [tuple(replace(one, example=one.example + offset) for one in row) for row in packing.rows]
        counts.append(len(packing.rows))
        offset += len(phase)
    sums = {
        name: sum(getattr(packing, name) for packing in packings)
        for name in ("tokens", "trained", "cut", "without_loss")
    }
    return Packing(rows=tuple(rows), length=length, **sums), counts


def pack(examples: Sequence[Example], length: int, *, apart: bool = False) -> Packing:
    """Pack examples into rows of `length` tokens by best-fit decreasing, or each into a row `apart`.

    Only an example longer than a row is cut. Its pieces overlap by one token, so that every trained token but
    the first is predicted exactly once.
    """
    segments: list[Segment] = []
    trained = without_loss = cut = 0
    for number, example in enumerate(examples):
        cut += len(example.input_ids) > length
        for segment in _pieces(number, len(example.input_ids), length):
            own = _trained(segment, example)
            if own:
                segments.append(segment)
                trained += own
            else:
                without_loss += 1
    sizes = [segment.end - segment.start for segment in segments]
    rows = [[number] for number in range(len(sizes))] if apart else best_fit_decreasing(sizes, length)
    return Packing(
        rows=tuple(tuple(segments[number] for number in row) for row in rows),
        length=length,
        tokens=sum(segment.end - segment.start for segment in segments),
        trained=trained,
        cut=cut,
        without_loss=without_loss,
    )


def best_fit_decreasing(sizes: Sequence[int], capacity: int) -> list[list[int]]:
    """Return rows of indices into `sizes`; each size goes, largest first, where the least room is left over.

    Ties go to the earlier size and the earlier row. Uses at most 11/9 of the fewest possible rows, plus one
    (Johnson, Demers, Ullman, Garey & Graham 1974). Raises ValueError for a size above `capacity`.
    """
    rows: list[list[int]] = []
    room: list[tuple[int, int]] = []  # (tokens still free, row), ascending; full rows have left
    for index in sorted(range(len(sizes)), key=lambda index: (-sizes[index], index)):
        size = sizes[index]
        if size > capacity:
            raise ValueError(f"a size of {size} does not fit into {capacity}")
        place = bisect.bisect_left(room, (size, -1))
        free, row = room.pop(place) if place < len(room) else (capacity, len(rows))
        if row == len(rows):
            rows.append([])
        rows[row].append(index)
        if free > size:
            bisect.insort(room, (free - size, row))
    return rows


def schedule(rows: int, passes: float, seed: int) -> list[int]:
    """Return row numbers in the order of training: each pass sees every row once, in an order of its own.

    A broken last pass takes the first part of its order.
    """
    order: list[int] = []
    wanted = round(rows * passes)
    while len(order) < wanted:
        numbers = list(range(rows))
        random.Random(f"{seed} {len(order) // rows}").shuffle(numbers)  # noqa: S311 - an order, not a secret
        order += numbers
    return order[:wanted]


def collate(
    rows: Sequence[Row], examples: Sequence[Example], pad: int, prompt_loss_weight: float = 0.0
) -> dict[str, Any]:
    """Return the tensors of one forward pass, each (R, T): input_ids, position_ids, labels, weights.

    `weights` (float32) holds each example's weight on the tokens that carry loss, that times
    `prompt_loss_weight` on the words of an instruction, and zero elsewhere.
    """
    import torch

    width = max(sum(segment.end - segment.start for segment in row) for row in rows)
    ids, positions, labels = ([] for _ in range(3))
    weights: list[list[float]] = []
    for row in rows:
        tokens = list(_tokens(row, examples, prompt_loss_weight))
        gap = width - len(tokens)
        ids.append([token[0] for token in tokens] + [pad] * gap)
        positions.append([token[1] for token in tokens] + [0] * gap)
        labels.append([token[2] for token in tokens] + [IGNORED] * gap)
        weights.append([token[3] for token in tokens] + [0.0] * gap)
    return {
        "input_ids": torch.tensor(ids),
        "position_ids": torch.tensor(positions),
        "labels": torch.tensor(labels),
        "weights": torch.tensor(weights, dtype=torch.float32),
    }


def _tokens(
    row: Row, examples: Sequence[Example], prompt_loss_weight: float
) -> Iterator[tuple[int, int, int, float]]:
    """Yield (id, position, label, weight) of every token of a row."""
    for segment in row:
        example = examples[segment.example]
        prompt = example.weight * prompt_weight(example, prompt_loss_weight)
        for position, index in enumerate(range(segment.start, segment.end)):
            token = example.input_ids[index]
            weight = example.weight if example.trained[index] else prompt
            if position and weight:
                yield token, position, token, weight
            else:
                yield token, position, IGNORED, 0.0


def _pieces(number: int, size: int, length: int) -> Iterator[Segment]:
    """Yield the spans of an example: one, unless it is longer than a row."""
    start = 0
    while size - start > length:
        yield Segment(number, start, start + length)
        start += length - 1
    yield Segment(number, start, size)


def _trained(segment: Segment, example: Example) -> int:
    """Return how many tokens of a segment carry loss. The first has nothing that could predict it."""
    return sum(example.trained[segment.start + 1 : segment.end]) if example.weight else 0
