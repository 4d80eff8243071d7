"""The first training batch as the model sees it, for a human to check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.records import Example
    from inhouse.training.data import TrainingData
    from inhouse.training.packing import Segment

__all__ = ["Decoder", "first_batch"]

_MAX_TOKENS = 2_000
_MAX_BYTES_OF_A_CHARACTER = 4


class Decoder(Protocol):
    """What is needed of a tokenizer."""

    def decode(self, ids: Sequence[int], *, markers: bool = False) -> str:
        """Return the text of tokens, with the names of markers."""


def first_batch(data: TrainingData, tokenizer: Decoder) -> dict[str, Any]:
    """Return the rows of the first step, document by document, as [text, carries loss] pairs.

    A pair is one token, or the few that one character is made of. Rows after the first 2,000 tokens are left
    out, and counted.
    """
    rows = data.step_rows(0)
    shown: list[dict[str, Any]] = []
    room = _MAX_TOKENS
    for row in rows:
        documents = []
        for segment in row:
            part = slice(segment.start, min(segment.end, segment.start + room))
            room -= part.stop - part.start
            if part.stop > part.start:
                documents.append(_document(segment, part, data.train[segment.example], tokenizer))
        used = sum(segment.end - segment.start for segment in row)
        if documents:
            shown.append({"documents": documents, "padding": data.packing.length - used})
    return {
        "rows": shown,
        "tokens": data.step_tokens(0),
        "tokens_shown": _MAX_TOKENS - room,
        "rows_left_out": len(rows) - len(shown),
    }


def _document(segment: Segment, part: slice, example: Example, tokenizer: Decoder) -> dict[str, Any]:
    carries = [index > segment.start and example.trained[index] for index in range(part.start, part.stop)]
    pairs = _pairs(example.input_ids[part], carries, tokenizer)
    return {"example": example.id, "kind": example.kind, "tokens": [list(pair) for pair in pairs]}


def _pairs(ids: Sequence[int], carries: Sequence[bool], tokenizer: Decoder) -> Iterator[tuple[str, bool]]:
    start = 0
    while start < len(ids):
        end = start + 1
        text = tokenizer.decode(ids[start:end], markers=True)
        while "\ufffd" in text and end < len(ids) and end - start < _MAX_BYTES_OF_A_CHARACTER:
            end += 1
            text = tokenizer.decode(ids[start:end], markers=True)
        yield text, carries[start]
        start = end
