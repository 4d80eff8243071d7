"""Implementation: from a signature and its documentation to the body, in the model's own chat template."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.datasets.accounting import Tally
from inhouse.datasets.items import evenly
from inhouse.datasets.windows import definition_starts, split_lines
from inhouse.digests import digest_json
from inhouse.languages import is_test
from inhouse.records import Example

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from inhouse.datasets.material import SourceFile
    from inhouse.models.tokenizer import Tokenizer
    from inhouse.records import Symbol

__all__ = ["Implementations"]

_MIN_LINES = 5  # of the whole function
_MIN_BODY_LINES = 2
_TURN = 4  # rows of a file before all the others have had theirs
_KINDS = frozenset({"function", "method"})


class Implementations:
    """Makes rows of at most `length` tokens from documented functions; a longer one is skipped whole."""

    def __init__(self, tokenizer: Tokenizer, length: int) -> None:
        self.tally = Tally()
        self._tokenizer = tokenizer
        self._length = length

    def rows(self, files: Iterable[SourceFile]) -> Iterator[Example]:
        """Yield the rows, best first: every file that is no test gives four before any gives more."""
        if not self._tokenizer.has_chat_template:
            self.tally.skipped["the model has no chat template"] += 1
            return
        waiting: list[tuple[SourceFile, list[Symbol]]] = []
        for file in files:
            if is_test(file.path, file.language):
                continue
            self.tally.sources += 1
            documented = [symbol for symbol in file.parsed.symbols if _is_documented(symbol)]
            now = evenly(documented, _TURN)
            waiting.append((file, [symbol for symbol in documented if symbol not in now]))
            yield from self._rows(file, now)
        for file, later in waiting:
            yield from self._rows(file, later)

    def _rows(self, file: SourceFile, symbols: Sequence[Symbol]) -> Iterator[Example]:
        starts = definition_starts(file.parsed, split_lines(file.text)) if symbols else {}
        for symbol in symbols:
            row = self._row(file, symbol, starts[symbol.start_line])
            if row is not None:
                yield row

    def _row(self, file: SourceFile, symbol: Symbol, first_line: int) -> Example | None:
        head, body = _split(file, symbol, first_line)
        if len(body.strip().splitlines()) < _MIN_BODY_LINES:
            self.tally.skipped["hardly any body"] += 1
            return None
        fence = f"```{file.language}\n"
        question = f"Write the body of `{symbol.qualified_name}` in `{file.path}`.\n\n{fence}{head}\n```"
        ids, trained = self._tokenizer.chat_example(
            [
                {"role": "user", "content": question},
                {"role": "assistant", "content": f"{fence}{body}\n```"},
            ]
        )
        self.tally.tokens_seen += len(ids)
        if len(ids) > self._length:
            self.tally.tokens_truncated += len(ids)
            self.tally.skipped["longer than a row"] += 1
            return None
        return Example(
            id=digest_json(["implementation", file.path, symbol.start, list(file.lineage), ids]),
            kind="implementation",
            split="train",
            text=self._tokenizer.decode(ids, markers=True),
            input_ids=tuple(ids),
            trained=tuple(trained),
            lineage=file.lineage,
            weight=1.0,
        )


def _is_documented(symbol: Symbol) -> bool:
    lines = symbol.end_line - symbol.start_line + 1
    return (
        symbol.kind in _KINDS
        and bool(symbol.docstring.strip())
        and lines >= _MIN_LINES
        and symbol.body < symbol.end
    )


def _split(file: SourceFile, symbol: Symbol, first_line: int) -> tuple[str, str]:
    """Return a function up to its body, from `first_line` on, and the body."""
    raw = file.text.encode()
    above = "".join(split_lines(file.text)[: first_line - 1]).encode()
    head, body = raw[len(above) : symbol.body].decode(), raw[symbol.body : symbol.end].decode()
    return head.rstrip(), body.strip("\n")
