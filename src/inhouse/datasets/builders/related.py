"""Related files in one row, what is imported before what imports it (DeepSeek-Coder, arXiv 2401.14196).

    markers | util.py | markers | model.py | markers | app.py, as far as the row goes

Each file stands in one row only, under its own markers and closed by its own end mark; the markers carry no
loss. A file that does not fit into a row is left to `continuation`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.datasets.builders.contract import Builder
from inhouse.datasets.formats import markers
from inhouse.datasets.imports import Resolver, dependency_order
from inhouse.languages import is_code

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.datasets.builders.contract import Past
    from inhouse.datasets.material import SourceFile
    from inhouse.records import Example

__all__ = ["BUILDER", "Related"]

_Part = tuple["SourceFile", list[int], list[int]]  # a file, its markers and its text


class Related(Builder):
    """Makes rows of several whole files of code, in the order of their imports."""

    kind = "related"
    line = "several short files in one row, what is imported before what imports it"
    chats = False

    def make(self, past: Past) -> Iterator[Example]:
        """Yield the rows, in the order of the imports."""
        files = {file.path: file for file in past.files if is_code(file.language)}
        resolver = Resolver(files)
        imported = {path: resolver.imported(file) for path, file in files.items()}
        together: list[_Part] = []
        for path in dependency_order(imported):
            self.tally.sources += 1
            part = self._part(files[path])
            if part is None:
                continue
            if together and not (self._fit([*together, part]) and _related([*together, part], imported)):
                yield from self._row(together)
                together = []
            together.append(part)
        yield from self._row(together)

    def _part(self, file: SourceFile) -> _Part | None:
        tokenizer = self.bench.tokenizer
        if not self.bench.fits(file.text):
            self.skip("a file longer than a row")
            return None
        head = markers(tokenizer, self.bench.repository, file.path, "", self.bench.length)
        text = [*tokenizer.encode(file.text.rstrip() + "\n"), *tokenizer.document_end]
        if len(head) + len(text) > self.bench.length or not file.text.strip():
            self.skip("a file longer than a row" if file.text.strip() else "an empty file")
            return None
        return file, head, text

    def _fit(self, parts: Sequence[_Part]) -> bool:
        return sum(len(head) + len(text) for _, head, text in parts) <= self.bench.length

    def _row(self, parts: Sequence[_Part]) -> Iterator[Example]:
        """Yield the row of files, unless it is of one only, which continuation has."""
        if len(parts) < 2:
            self.tally.skipped["no related file fits beside it"] += len(parts)
            return
        bos = self.bench.tokenizer.bos
        ids: list[int] = []
        trained: list[bool] = []
        for number, (_, head, text) in enumerate(parts):
            own = head[1:] if number and head[:1] == [bos] else head
            ids += [*own, *text]
            trained += [False] * len(own) + [True] * len(text)
        lineage = [name for file, _, _ in parts for name in file.lineage]
        row = self.finished(ids, trained, lineage, [file.path for file, _, _ in parts])
        if row is not None:
            self.tally.windowed += 1
            yield row


def _related(parts: Sequence[_Part], imported: dict[str, list[str]]) -> bool:
    """Does the last file import one of the others, or one of them it, or do they share a folder?"""
    last = parts[-1][0].path
    others = {file.path for file, _, _ in parts[:-1]}
    folders = {path.rpartition("/")[0] for path in others}
    return (
        not others.isdisjoint(imported[last])
        or any(last in imported[path] for path in others)
        or last.rpartition("/")[0] in folders
    )


BUILDER = Related
