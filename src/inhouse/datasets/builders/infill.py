"""Infill: a gap at the boundaries of the syntax tree, with the model's own tokens, in both forms.

    prefix-suffix-middle    markers | PREFIX before | SUFFIX behind | MIDDLE gap | END
    suffix-prefix-middle    markers | PREFIX | SUFFIX behind | MIDDLE before, gap | END

The second lets the gap go on from the text before it without a seam (Bavarian et al. 2022, arXiv 2207.14255).
Gaps are whole nodes: bodies, definitions, calls; that is better than random characters where code is
concerned (Gong et al. 2024, arXiv 2401.03003). Loss is on the gap and its end alone. A model without such
tokens has no infill.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.datasets.builders.contract import Builder
from inhouse.datasets.formats import first_lines, last_lines, markers
from inhouse.datasets.items import evenly, taking_turns
from inhouse.digests import digest_json
from inhouse.languages import is_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inhouse.datasets.builders.contract import Past
    from inhouse.datasets.material import SourceFile
    from inhouse.models.tokenizer import InfillMarks
    from inhouse.records import Example

__all__ = ["BUILDER", "Infill"]

_TURN = 4  # gaps of a file before all the others have had theirs
_MOST = 24  # gaps of a file
_MIN_BYTES = 16  # of a gap
_BEFORE = 2 / 3  # share of the room around the gap that what stands before it may take
_GAP_SHARE = 2  # a gap takes half of a row at most


class Infill(Builder):
    """Makes rows with a gap, half of them in each form."""

    kind = "infill"
    line = "a gap at boundaries of the syntax tree, in prefix-suffix-middle and suffix-prefix-middle form"
    chats = False

    def make(self, past: Past) -> Iterator[Example]:
        """Yield the rows, best first: every file gives four before any gives more."""
        marks = self.bench.infill
        if marks is None:
            self.skip("the model has no tokens for infill")
            return
        for file, gaps in taking_turns(self._with_gaps(past.files), _TURN):
            yield from self._rows(file, gaps, marks)

    def _with_gaps(self, files: Iterable[SourceFile]) -> Iterator[tuple[SourceFile, list[tuple[int, int]]]]:
        for file in files:
            if is_code(file.language):
                self.tally.sources += 1
                yield file, evenly(_gaps(file), _MOST)

    def _rows(self, file: SourceFile, gaps: list[tuple[int, int]], marks: InfillMarks) -> Iterator[Example]:
        raw = file.text.encode()
        for start, end in gaps:
            parts = (raw[:start].decode(), raw[start:end].decode(), raw[end:].decode())
            row = self._row(file, parts, marks, start)
            if row is not None:
                yield row

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
        before = tokenizer.encode(last_lines(parts[0], tokenizer, int(room * _BEFORE)))
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
