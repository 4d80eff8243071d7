"""The index: one SQLite file with chunks, symbols and a full-text table of identifiers whole and in parts.

    file    path, digest of the content, language, syntax errors
    chunk   a span of a file; its text stays here, so that search needs no checkout
    symbol  a definition
    words   FTS5 without content: path, names and body of each chunk as words and parts of words

A file is replaced in one transaction. Whatever order files came in, and however often an update was killed,
the same tree gives the same `digest`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import apsw

from inhouse.digests import digest_rows
from inhouse.errors import UserMistake
from inhouse.languages import detect, grammar_versions, is_code, parse
from inhouse.records import Chunk, Symbol
from inhouse.retrieval.chunking import chunk_parsed
from inhouse.retrieval.query import tokens, understand
from inhouse.retrieval.ranking import CANDIDATES, Candidate, rank

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from inhouse.progress import Task
    from inhouse.records import Hit
    from inhouse.retrieval.query import Query

__all__ = ["SCHEMA", "Index", "Update"]

SCHEMA = 1
"""Rises when the tables change; an index of a newer schema is refused, an older one is built anew."""

_TABLES = """
CREATE TABLE file (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, digest TEXT NOT NULL, language TEXT NOT NULL,
    errors INTEGER NOT NULL);
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY, file INTEGER NOT NULL REFERENCES file (id), symbol TEXT NOT NULL,
    scope TEXT NOT NULL, imports TEXT NOT NULL, start_line INTEGER NOT NULL,
    end_line INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL, text TEXT NOT NULL);
CREATE INDEX chunk_file ON chunk (file);
CREATE TABLE symbol (
    file INTEGER NOT NULL REFERENCES file (id), name TEXT NOT NULL, qualified_name TEXT NOT NULL,
    kind TEXT NOT NULL, start_line INTEGER NOT NULL, end_line INTEGER NOT NULL, start INTEGER NOT NULL,
    end INTEGER NOT NULL, signature TEXT NOT NULL, docstring TEXT NOT NULL, body INTEGER NOT NULL);
CREATE INDEX symbol_file ON symbol (file);
CREATE INDEX symbol_name ON symbol (name);
CREATE VIRTUAL TABLE words USING fts5 (
    path, names, body, content = '', contentless_delete = 1, tokenize = "unicode61 tokenchars '_'");
CREATE VIRTUAL TABLE vocabulary USING fts5vocab (words, row);
"""
_WEIGHTS = (2.0, 3.0, 1.0)  # of path, names and body in bm25
_MAX_TERMS = 40  # the rarest words of a query; more cost time and add noise
_HEAD = 4_096
_SYMBOL = "name, qualified_name, kind, start_line, end_line, start, end, signature, docstring, body"
_CHUNK = "symbol, scope, imports, start_line, end_line, start, end, text"


class Update(NamedTuple):
    """What an update did, in files."""

    added: int
    changed: int
    removed: int
    unchanged: int


class Index:
    """An open index. One thread at a time."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> Index:
        """Open an index, making it when absent. Raises UserMistake for what is no index, or a newer one."""
        try:
            connection = apsw.Connection(str(path))
            connection.set_busy_timeout(10_000)
            connection.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")
            version = _number(connection, "PRAGMA user_version")
        except (apsw.NotADBError, apsw.CorruptError, apsw.CantOpenError) as error:
            raise UserMistake(
                "an index is an SQLite file", f"{path} ({error})", "delete it and run `inhouse index`"
            ) from None
        if version > SCHEMA:
            given = f"{path} has schema {version}, this inhouse reads up to {SCHEMA}"
            raise UserMistake("an index of a newer version cannot be read", given, "upgrade inhouse")
        if version < SCHEMA:
            with connection:
                connection.execute(_TABLES)
                connection.execute(f"PRAGMA user_version = {SCHEMA}")
        return cls(connection)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    # ------------------------------------------------------------ writing

    def update(self, files: Iterable[tuple[str, str, str]], progress: Task | None = None) -> Update:
        """Make the index that of a whole tree, given as (path, digest, text); only changed files are read."""
        known = dict(self._connection.execute("SELECT path, digest FROM file"))
        seen, added, changed = set(), 0, 0
        for path, digest, text in files:
            seen.add(path)
            if known.get(path) != digest:
                added += path not in known
                changed += path in known
                self._replace(path, digest, text)
            if progress is not None:
                progress.advance()
        gone = sorted(set(known) - seen)
        for path in gone:
            with self._connection:
                self._delete(path)
        return Update(added, changed, len(gone), len(seen) - added - changed)

    def _replace(self, path: str, digest: str, text: str) -> None:
        parsed = parse(path, text, detect(path, text[:_HEAD]))
        with self._connection:
            self._delete(path)
            row = (path, digest, parsed.language, parsed.errors)
            file = self._insert("file (path, digest, language, errors)", row)
            for chunk in chunk_parsed(parsed, path, text):
                self._add_chunk(file, chunk)
            self._connection.executemany(
                f"INSERT INTO symbol (file, {_SYMBOL}) VALUES ({_marks(11)})",  # noqa: S608 - our own names
                [(file, *_symbol_row(symbol)) for symbol in parsed.symbols],
            )

    def _add_chunk(self, file: int, chunk: Chunk) -> None:
        row = (
            file,
            chunk.symbol,
            json.dumps(chunk.scope),
            json.dumps(chunk.imports),
            chunk.start_line,
            chunk.end_line,
            chunk.start,
            chunk.end,
            chunk.text,
        )
        number = self._insert(f"chunk (file, {_CHUNK})", row)
        names = " ".join(tokens(" ".join([chunk.symbol, *chunk.scope])))
        words = (number, " ".join(tokens(chunk.path)), names, " ".join(tokens(chunk.text)))
        self._insert("words (rowid, path, names, body)", words)

    def _delete(self, path: str) -> None:
        row = self._connection.execute("SELECT id FROM file WHERE path = ?", (path,)).fetchone()
        if row is None:
            return
        self._connection.execute(
            "DELETE FROM words WHERE rowid IN (SELECT id FROM chunk WHERE file = ?)", row
        )
        for table in ("chunk", "symbol"):
            self._connection.execute(f"DELETE FROM {table} WHERE file = ?", row)  # noqa: S608 - our own names
        self._connection.execute("DELETE FROM file WHERE id = ?", row)

    def _insert(self, into: str, row: tuple[Any, ...]) -> int:
        self._connection.execute(f"INSERT INTO {into} VALUES ({_marks(len(row))})", row)  # noqa: S608
        return int(self._connection.last_insert_rowid())

    # ------------------------------------------------------------ reading

    def search(self, query: str, k: int = 10, *, skip: Callable[[Chunk], bool] | None = None) -> list[Hit]:
        """Return the `k` best chunks for any text, best first; `skip` leaves chunks out."""
        asked = understand(query)
        terms = self._rarest(asked.words)
        candidates = self._matching(asked, terms)
        if skip is not None:
            candidates = [candidate for candidate in candidates if not skip(candidate.chunk)]
        return rank(asked, terms, candidates, k)

    def symbols(self, name: str) -> list[Symbol]:
        """Return the definitions of a name, simple or qualified, by path and place."""
        rows = self._connection.execute(
            f"SELECT file.path, {_prefixed('symbol', _SYMBOL)} FROM symbol "  # noqa: S608 - our own names
            "JOIN file ON file.id = symbol.file WHERE name = ?1 OR qualified_name = ?1 "
            "ORDER BY file.path, symbol.start",
            (name,),
        )
        return [Symbol(*row) for row in rows]

    def digest(self) -> str:
        """Return the digest of the sorted rows: equal for equal trees, however they were indexed."""
        return digest_rows(self._rows())

    def status(self) -> dict[str, Any]:
        """Return counts and versions: what was parsed, what fell back to plain text, and by what."""
        languages = list(self._connection.execute("SELECT language, errors FROM file"))
        counts = {
            table: _number(self._connection, f"SELECT count(*) FROM {table}")  # noqa: S608
            for table in ("file", "chunk", "symbol")
        }
        return {
            "files": counts["file"],
            "chunks": counts["chunk"],
            "symbols": counts["symbol"],
            "parsed": sum(is_code(language) for language, _ in languages),
            "with_syntax_errors": sum(is_code(language) and errors > 0 for language, errors in languages),
            "plain_text": sum(not is_code(language) for language, _ in languages),
            "grammars": grammar_versions(),
            "sqlite": apsw.sqlite_lib_version(),
        }

    def _rarest(self, words: dict[str, float]) -> dict[str, float]:
        """Return the rarest words of a query that occur, each with its weight times its rarity."""
        total = _number(self._connection, "SELECT count(*) FROM chunk")
        counted = [
            (row[0], word)
            for word in words
            if (
                row := self._connection.execute(
                    "SELECT doc FROM vocabulary WHERE term = ?", (word,)
                ).fetchone()
            )
        ]
        return {word: words[word] * (1 - count / (total + 1)) for count, word in sorted(counted)[:_MAX_TERMS]}

    def _matching(self, asked: Query, terms: dict[str, float]) -> list[Candidate]:
        """Return the chunks that share words with the query or define a name that it mentions."""
        found: dict[int, float] = {}
        if terms:
            match = " OR ".join(f'"{word}"' for word in sorted(terms))
            rows = self._connection.execute(
                "SELECT rowid, -bm25(words, ?, ?, ?) AS score FROM words WHERE words MATCH ? "
                "ORDER BY score DESC, rowid LIMIT ?",
                (*_WEIGHTS, match, CANDIDATES),
            )
            found = dict(rows)
        defined = {
            number: names for name in sorted(asked.identifiers) for number, names in self._defining(name)
        }
        return [
            Candidate(self._chunk(number), found.get(number, 0.0), defined.get(number, ""))
            for number in {**found, **dict.fromkeys(defined)}
        ]

    def _defining(self, name: str) -> Iterator[tuple[int, str]]:
        """Yield the chunks in which definitions of a name begin."""
        rows = self._connection.execute(
            "SELECT chunk.id FROM symbol JOIN chunk ON chunk.file = symbol.file "
            "AND chunk.start <= symbol.start AND symbol.start < chunk.end "
            "WHERE symbol.name = ? ORDER BY chunk.file, chunk.start LIMIT ?",
            (name, CANDIDATES),
        )
        yield from ((row[0], name) for row in rows)

    def _chunk(self, number: int) -> Chunk:
        rows = self._connection.execute(
            f"SELECT file.path, file.language, {_prefixed('chunk', _CHUNK)} FROM chunk "  # noqa: S608
            "JOIN file ON file.id = chunk.file WHERE chunk.id = ?",
            (number,),
        )
        path, language, symbol, scope, imports, *rest = next(rows)
        return Chunk(path, language, symbol, tuple(json.loads(scope)), tuple(json.loads(imports)), *rest)

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        for table, columns in (("chunk", _CHUNK), ("symbol", _SYMBOL)):
            yield from self._connection.execute(
                f"SELECT '{table}', file.path, {_prefixed(table, columns)} FROM {table} "  # noqa: S608
                f"JOIN file ON file.id = {table}.file ORDER BY file.path, {table}.start, {table}.end"
            )
        yield from self._connection.execute(
            "SELECT 'file', path, digest, language, errors FROM file ORDER BY path"
        )


def _symbol_row(symbol: Symbol) -> tuple[Any, ...]:
    return (
        symbol.name,
        symbol.qualified_name,
        symbol.kind,
        symbol.start_line,
        symbol.end_line,
        symbol.start,
        symbol.end,
        symbol.signature,
        symbol.docstring,
        symbol.body,
    )


def _number(connection: apsw.Connection, query: str) -> int:
    return int(next(connection.execute(query))[0])


def _marks(number: int) -> str:
    return ", ".join("?" * number)


def _prefixed(table: str, columns: str) -> str:
    return ", ".join(f"{table}.{column}" for column in columns.split(", "))
