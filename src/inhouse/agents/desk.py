"""The work of the tools: questions about an index and a repository, answered within a number of characters.

Text comes from the index, or from documents that are redacted as those of the index are. Paths are those of
the index; the absolute path of a file in the checkout is taken for its path there.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from inhouse.agents.answers import (
    ContextAnswer,
    DefinitionAnswer,
    FoundDefinition,
    FoundHit,
    FoundPiece,
    FoundReference,
    FoundSymbol,
    FoundVersion,
    HistoryAnswer,
    OutlineAnswer,
    ReferencesAnswer,
    SearchAnswer,
    VersionLines,
    fitting,
    shortened,
)
from inhouse.errors import UserMistake
from inhouse.retrieval.chunking import own_text
from inhouse.retrieval.context import for_task
from inhouse.retrieval.history import LineHistory
from inhouse.sources.git import Repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from inhouse.agents.index_view import IndexView
    from inhouse.config import Settings
    from inhouse.records import Hit, Symbol
    from inhouse.retrieval.history import Lines, Version
    from inhouse.retrieval.index import Index

__all__ = ["CHARACTERS", "Desk"]

CHARACTERS = 30_000
"""Of an answer: what a model reads without losing sight of its task, some 8,000 tokens."""

_SHARE = 4  # no single result takes more of an answer than one part in so many
_NEAR = 3
_DEFINITIONS = 20  # of one name whose edges are looked for
_USES = {"call": "calls", "inherit": "inherits", "import": "imports", "read": "reads"}


class Desk:
    """Answers the tools' questions. One thread at a time."""

    def __init__(
        self,
        view: IndexView,
        repository: Path,
        settings: Settings,
        counter: Callable[[], tuple[Callable[[str], int], str]],
        *,
        characters: int = CHARACTERS,
    ) -> None:
        self._view = view
        self._repository = repository
        self._settings = settings
        self._counter = counter  # what counts tokens, and what it is called
        self._characters = characters

    def search(self, query: str, k: int) -> SearchAnswer:
        """Return the best pieces of files for any text."""
        with self._reading() as (index, commit):
            hits = index.search(query, k)
        results, left_out = fitting([self._hit(hit) for hit in hits], self._characters)
        return SearchAnswer(commit=commit, left_out=left_out, results=results)

    def definition(self, name: str) -> DefinitionAnswer:
        """Return where a simple or qualified name is defined."""
        with self._reading() as (index, commit):
            rows = [self._definition(index, symbol) for symbol in index.definitions(name)]
        definitions, left_out = fitting(rows, self._characters)
        return DefinitionAnswer(commit=commit, left_out=left_out, definitions=definitions)

    def references(self, name: str) -> ReferencesAnswer:
        """Return where a name is used."""
        with self._reading() as (index, commit):
            rows = _references(index, name)
        references, left_out = fitting(rows, self._characters)
        return ReferencesAnswer(commit=commit, left_out=left_out, references=references)

    def outline(self, path: str) -> OutlineAnswer:
        """Return the definitions of a file."""
        with self._reading() as (index, commit):
            path = self._indexed(index, path)
            rows = [
                FoundSymbol(
                    name=symbol.qualified_name,
                    kind=symbol.kind,
                    start_line=symbol.start_line,
                    end_line=symbol.end_line,
                    signature=symbol.signature,
                )
                for symbol in index.outline(path)
            ]
        symbols, left_out = fitting(rows, self._characters)
        return OutlineAnswer(commit=commit, left_out=left_out, path=path, symbols=symbols)

    def context(self, task: str, budget: int) -> ContextAnswer:
        """Return what to read for a task, in at most `budget` tokens, whatever the limit of characters."""
        count, counted_by = self._counter()
        with self._reading() as (index, commit):
            found = for_task(index, task, budget, count, commit=commit)
        pieces = [
            FoundPiece(
                path=piece.path,
                start_line=piece.start_line,
                end_line=piece.end_line,
                symbol=piece.symbol,
                form=piece.form,
                why=piece.why,
            )
            for piece in found.pieces
        ]
        return ContextAnswer(
            commit=commit,
            left_out=found.left_out.get("no_room", 0),
            context=found.text,
            tokens=found.tokens,
            counted_by=counted_by,
            pieces=pieces,
        )

    def history(self, path: str, first: int, last: int, limit: int, revision: str) -> HistoryAnswer:
        """Return which commits made lines what they are; lines are counted at the commit of the index."""
        with self._reading() as (index, commit):
            path = self._indexed(index, path)
        history = LineHistory(Repository.open(self._repository), self._settings)
        found = history.versions(path, first, last, limit, revision or commit)
        rows = [self._version(version) for version in found]
        versions, left_out = fitting(rows, self._characters)
        return HistoryAnswer(commit=revision or commit, left_out=left_out, path=path, versions=versions)

    # ------------------------------------------------------------ parts

    @contextmanager
    def _reading(self) -> Iterator[tuple[Index, str]]:
        """Give the index and the commit that it was made of, "" where that is not known."""
        with self._view.reading() as index:
            yield index, index.store.get("commit") or ""

    def _indexed(self, index: Index, path: str) -> str:
        """Return the path as the index has it. Raises UserMistake for one that it does not have."""
        given = PurePosixPath(path.strip())
        root = PurePosixPath(self._repository.as_posix())
        if given.is_absolute() and given.is_relative_to(root):
            given = given.relative_to(root)
        if given.is_absolute() or ".." in given.parts or "\0" in path:
            raise UserMistake("a path lies in the repository", path, "give it from the repository's root")
        near = index.store.paths_ending([given.name])
        if str(given) in near:
            return str(given)
        step = f"such as {', '.join(near[:_NEAR])}" if near else "look for it with search"
        raise UserMistake("a path is one of the index", path, step)

    def _hit(self, hit: Hit) -> FoundHit:
        chunk = hit.chunk
        return FoundHit(
            path=chunk.path,
            start_line=chunk.start_line,
            end_line=chunk.end_line,
            symbol=chunk.symbol,
            score=round(hit.score, 6),
            why=hit.why,
            text=shortened(chunk.text, self._characters // _SHARE),
        )

    def _definition(self, index: Index, symbol: Symbol) -> FoundDefinition:
        return FoundDefinition(
            path=symbol.path,
            start_line=symbol.start_line,
            end_line=symbol.end_line,
            name=symbol.qualified_name,
            kind=symbol.kind,
            signature=symbol.signature,
            docstring=shortened(symbol.docstring, self._characters // _SHARE),
            text=shortened(_text_of(index, symbol), self._characters // _SHARE),
        )

    def _version(self, version: Version) -> FoundVersion:
        return FoundVersion(
            commit=version.commit,
            date=datetime.fromtimestamp(version.date, UTC).strftime("%Y-%m-%d %H:%M"),
            message=version.message,
            before=[self._version_lines(lines) for lines in version.before],
            after=[self._version_lines(lines) for lines in version.after],
        )

    def _version_lines(self, lines: Lines) -> VersionLines:
        text = shortened("\n".join(lines.text), self._characters // _SHARE // 2)
        return VersionLines(
            path=lines.path,
            start_line=lines.start_line,
            end_line=lines.end_line,
            text=text.split("\n") if text else [],
            hidden=lines.hidden,
        )


def _references(index: Index, name: str) -> list[FoundReference]:
    """Return the edges into the definitions of a name, then the places that merely have the same name."""
    found: dict[tuple[str, int, str], FoundReference] = {}
    for edge in index.references(name, _DEFINITIONS):
        row = FoundReference(
            path=edge.source_path,
            line=edge.line,
            scope=edge.source,
            kind=edge.kind,
            target=f"{edge.target_path}:{edge.target}",
            certainty=edge.certainty,
            rule=edge.rule,
        )
        found.setdefault((row.path, row.line, row.target), row)
    known = {(path, line) for path, line, _ in found}
    for one in index.mentions(name.rpartition(".")[2]):
        if one.kind in _USES and (one.path, one.line) not in known:
            row = FoundReference(
                path=one.path,
                line=one.line,
                scope=one.scope,
                kind=_USES[one.kind],
                target="",
                certainty="",
                rule="",
            )
            found.setdefault((row.path, row.line, ""), row)
    return sorted(found.values(), key=lambda row: (row.path, row.line, row.target))


def _text_of(index: Index, symbol: Symbol) -> str:
    """Return the lines of a definition, from the chunks that they stand in."""
    chunks = [
        chunk
        for chunk in index.store.chunks_of(symbol.path).values()
        if chunk.start < symbol.end and symbol.start < chunk.end
    ]
    if not chunks:
        return ""
    lines = "".join(own_text(chunks)).split("\n")
    first = symbol.start_line - chunks[0].start_line
    return "\n".join(lines[first : first + symbol.end_line - symbol.start_line + 1])
