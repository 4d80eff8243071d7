"""Implementation: from a signature and its documentation to the body, in the model's own chat template."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.datasets.builders.batched import Batched, in_batches
from inhouse.datasets.windows import definition_starts, split_lines
from inhouse.languages import is_test

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inhouse.datasets.builders.contract import Past
    from inhouse.datasets.material import SourceFile
    from inhouse.records import Example, Symbol

__all__ = ["BUILDER", "Implementations", "head_and_body"]

_MIN_LINES = 5  # of the whole function
_MIN_BODY_LINES = 2
_KINDS = frozenset({"function", "method"})


class Implementations(Batched[list["SourceFile"]]):
    """Makes rows of documented functions; one that is longer than a row is skipped whole."""

    kind = "implementation"
    line = "from the signature and documentation of a function to its body"

    turn = 4

    def batches(self, past: Past) -> Iterator[list[SourceFile]]:
        """Yield the files that are no tests."""
        files = (file for file in past.files if not is_test(file.path, file.language))
        return in_batches(files, lambda file: len(file.text))

    def groups(self, batch: list[SourceFile]) -> Iterator[list[Example]]:
        """Yield the rows of each file, in the order of its functions."""
        for file in batch:
            self.tally.sources += 1
            symbols = [symbol for symbol in file.parsed.symbols if _is_documented(symbol)]
            starts = definition_starts(file.parsed, split_lines(file.text)) if symbols else {}
            rows = (self._row(file, symbol, starts[symbol.start_line]) for symbol in symbols)
            yield [row for row in rows if row is not None]

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
