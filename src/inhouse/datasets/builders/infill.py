"""Infill: a gap at the boundaries of the syntax tree, with the model's own tokens, in both forms.

    prefix-suffix-middle    markers | PREFIX before | SUFFIX behind | MIDDLE gap | END
    suffix-prefix-middle    markers | PREFIX | SUFFIX behind | MIDDLE before, gap | END

The second lets the gap go on from the text before it without a seam (Bavarian et al. 2022, arXiv 2207.14255).
Gaps are whole nodes: bodies, definitions, calls; that is better than random characters where code is
concerned (Gong et al. 2024, arXiv 2401.03003). Loss is on the gap and its end alone. A model without such
tokens has no infill, unless spare tokens of its vocabulary are asked to take that part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inhouse.datasets.builders.batched import Batched, in_batches
from inhouse.datasets.formats import first_lines, last_tokens, markers
from inhouse.datasets.items import evenly
from inhouse.digests import digest_json
from inhouse.errors import UserMistake
from inhouse.languages import is_code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inhouse.datasets.builders.contract import Past
    from inhouse.datasets.material import SourceFile
    from inhouse.models.tokenizer import InfillMarks, Tokenizer
    from inhouse.records import Example

__all__ = ["BUILDER", "Infill", "infill_account", "infill_marks"]

_MOST = 24  # gaps of a file
_MIN_BYTES = 16  # of a gap
_BEFORE = 2 / 3  # share of the room around the gap that what stands before it may take
_GAP_SHARE = 2  # a gap takes half of a row at most


def infill_marks(tokenizer: Tokenizer, *, spare: bool) -> InfillMarks | None:
    """Return the tokens of infill: the model's own, or spare ones where these are asked for.

    Raises UserMistake when they are asked for and the vocabulary has too few.
    """
    own = tokenizer.infill
    if own is not None or not spare:
        return own
    if tokenizer.spare_infill is None:
        raise UserMistake(
            "dataset.infill_tokens needs a model with tokens for infill, or three spare ones"
            " in its vocabulary",
            "this one has neither",
            "leave dataset.infill_tokens out, or use another base model",
        )
    return tokenizer.spare_infill


def infill_account(tokenizer: Tokenizer, marks: InfillMarks | None) -> dict[str, Any]:
    """Return which tokens take the part of infill, and which of them have to be learnt for it."""
    if marks is None:
        return {}
    names = {part: tokenizer.decode([id_], markers=True) for part, id_ in marks._asdict().items()}
    return {"infill": {"tokens": names, "new_tokens": [] if tokenizer.infill else list(marks[:3])}}


class Infill(Batched[list["SourceFile"]]):
    """Makes rows with a gap, half of them in each form."""

    kind = "infill"
    line = "a gap at boundaries of the syntax tree, in prefix-suffix-middle and suffix-prefix-middle form"
    chats = False

    turn = 4

    def is_ready(self) -> bool:
        """Tell whether the model has tokens for it."""
        if self.bench.infill is None:
            self.skip("the model has no tokens for infill")
        return self.bench.infill is not None

    def batches(self, past: Past) -> Iterator[list[SourceFile]]:
        """Yield the files of code."""
        return in_batches(
            (file for file in past.files if is_code(file.language)), lambda file: len(file.text)
        )

    def groups(self, batch: list[SourceFile]) -> Iterator[list[Example]]:
        """Yield the rows of each file, in the order of its gaps."""
        marks = self.bench.infill
        if marks is None:
            return
        for file in batch:
            self.tally.sources += 1
            raw = file.text.encode()
            rows = []
            for start, end in evenly(_gaps(file), _MOST):
                parts = (raw[:start].decode(), raw[start:end].decode(), raw[end:].decode())
                rows.append(self._row(file, parts, marks, start))
            yield [row for row in rows if row is not None]

    def _row(
        self, file: SourceFile, parts: tuple[str, str, str], marks: InfillMarks, start: int
    ) -> Example | None:
        tokenizer, length = self.bench.tokenizer, self.bench.length
        gap = tokenizer.encode(parts[1])
        if len(gap) > length // _GAP_SHARE:
            self.skip("a gap longer than half a row")
            return None
        head = markers(tokenizer, self.bench.repository, file.path, "", length // 4)
        room = length - len(head) - len(gap) - len(marks)
        before = last_tokens(parts[0], tokenizer, int(room * _BEFORE))
        behind = tokenizer.encode(first_lines(parts[2], tokenizer, room - len(before)))
        behind = behind[: max(0, room - len(before))]  # the last line end may be a token more
        if int(digest_json([file.path, start])[:2], 16) % 2:
            context = [*head, marks.prefix, *before, marks.suffix, *behind, marks.middle]
        else:
            context = [*head, marks.prefix, marks.suffix, *behind, marks.middle, *before]
        ids = [*context, *gap, marks.end]
        trained = [False] * len(context) + [True] * (len(gap) + 1)
        return self.finished(ids, trained, file.lineage, [file.path, start])


def _gaps(file: SourceFile) -> list[tuple[int, int]]:
    """Return the spans of nodes that may be gaps, in source order: bodies, definitions, calls."""
    raw = file.text.encode()
    spans = {(symbol.body, symbol.end) for symbol in file.parsed.symbols if symbol.body < symbol.end}
    spans |= {
        (symbol.start, symbol.end) for symbol in file.parsed.symbols if symbol.kind in ("function", "method")
    }
    spans |= {(call.start, call.end) for call in file.parsed.calls}
    return sorted(span for span in spans if len(raw[slice(*span)].strip()) >= _MIN_BYTES)


BUILDER = Infill
