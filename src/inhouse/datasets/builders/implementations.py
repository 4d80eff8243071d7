"""Implementation: from a signature and its documentation to the body, in the model's own chat template."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.datasets.builders.contract import Builder
from inhouse.datasets.items import taking_turns
from inhouse.datasets.windows import definition_starts, split_lines
from inhouse.languages import is_test

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from inhouse.datasets.builders.contract import Past
    from inhouse.datasets.material import SourceFile
    from inhouse.records import Example, Symbol

__all__ = ["BUILDER", "Implementations", "head_and_body"]

_MIN_LINES = 5  # of the whole function
_MIN_BODY_LINES = 2
_TURN = 4  # rows of a file before all the others have had theirs
_KINDS = frozenset({"function", "method"})


class Implementations(Builder):
    """Makes rows of documented functions; one that is longer than a row is skipped whole."""

    kind = "implementation"
    line = "from the signature and documentation of a function to its body"

    def make(self, past: Past) -> Iterator[Example]:
        """Yield the rows, best first: every file that is no test gives four before any gives more."""
        for file, documented in taking_turns(self._documented(past.files), _TURN):
            yield from self._rows(file, documented)

    def _documented(self, files: Iterable[SourceFile]) -> Iterator[tuple[SourceFile, list[Symbol]]]:
        for file in files:
            if not is_test(file.path, file.language):
                self.tally.sources += 1
                yield file, [symbol for symbol in file.parsed.symbols if _is_documented(symbol)]

    def _rows(self, file: SourceFile, symbols: Sequence[Symbol]) -> Iterator[Example]:
        starts = definition_starts(file.parsed, split_lines(file.text)) if symbols else {}
        for symbol in symbols:
            row = self._row(file, symbol, starts[symbol.start_line])
            if row is not None:
                yield row

    def _row(self, file: SourceFile, symbol: Symbol, first_line: int) -> Example | None:
        head, body = head_and_body(file, symbol, first_line)
        if len(body.strip().splitlines()) < _MIN_BODY_LINES:
            self.skip("hardly any body")
            return None
        fence = f"```{file.language}\n"
        question = f"Write the body of `{symbol.qualified_name}` in `{file.path}`.\n\n{fence}{head}\n```"
        return self.conversation(question, f"{fence}{body}\n```", file.lineage, [file.path, symbol.start])


def _is_documented(symbol: Symbol) -> bool:
    lines = symbol.end_line - symbol.start_line + 1
    return (
        symbol.kind in _KINDS
        and bool(symbol.docstring.strip())
        and lines >= _MIN_LINES
        and symbol.body < symbol.end
    )


def head_and_body(file: SourceFile, symbol: Symbol, first_line: int) -> tuple[str, str]:
    """Return a function up to its body, from `first_line` on, and the body."""
    raw = file.text.encode()
    above = "".join(split_lines(file.text)[: first_line - 1]).encode()
    head, body = raw[len(above) : symbol.body].decode(), raw[symbol.body : symbol.end].decode()
    return head.rstrip(), body.strip("\n")


BUILDER = Implementations
