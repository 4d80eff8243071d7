"""What the two stores do alike: everything but words and vectors, in the SQL that both databases understand.

counter    how many there are of each kind of row, and the last number given (never given again)
setting    values kept under a name
file       chunk ---- vector (length 1 or 0; made at the first vectors, whose dimension it needs)
 +-- symbol
 +-- reference ------ imported (the names that an import takes out of a module)
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from inhouse.errors import UserMistake
from inhouse.records import Symbol
from inhouse.retrieval.rows import (
    CHUNK,
    FILE,
    REFERENCE,
    SYMBOL,
    chunk_of,
    chunk_row,
    file_row,
    prefixed,
    reference_of,
    reference_place,
    reference_row,
    symbol_place,
    symbol_row,
    text_of,
    unit,
)
from inhouse.retrieval.store import FileFacts, FileRow, Words, affordable, names_of, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from typing import Self

    from inhouse.records import Chunk, Reference

__all__ = ["SCHEMA", "TABLES", "UNSURE", "Sql", "Tables", "marks", "portions"]

SCHEMA = 5
"""Rises when the tables change; an index of a newer schema is refused, an older one is built anew."""

TABLES = """
CREATE TABLE setting (name {text} PRIMARY KEY, value {text} NOT NULL);
CREATE TABLE counter (name {text} PRIMARY KEY, held BIGINT NOT NULL, last BIGINT NOT NULL);
INSERT INTO counter VALUES
    ('files', 0, 0), ('chunks', 0, 0), ('symbols', 0, 0), ('references', 0, 0), ('vectors', 0, 0);
CREATE TABLE file (
    id INTEGER PRIMARY KEY, path {text} NOT NULL UNIQUE, name {text} NOT NULL, digest {text} NOT NULL,
    language {text} NOT NULL, state {text} NOT NULL, errors INTEGER NOT NULL, reason {text} NOT NULL);
CREATE INDEX file_name ON file (name);
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY, file INTEGER NOT NULL, symbol {text} NOT NULL, scope {text} NOT NULL,
    imports {text} NOT NULL, start_line INTEGER NOT NULL, end_line INTEGER NOT NULL, start INTEGER NOT NULL,
    "end" INTEGER NOT NULL, text {bytes} NOT NULL, defines {text} NOT NULL, tokens INTEGER NOT NULL);
CREATE INDEX chunk_file ON chunk (file);
CREATE TABLE symbol (
    id INTEGER PRIMARY KEY, file INTEGER NOT NULL, name {text} NOT NULL, qualified_name {text} NOT NULL,
    kind {text} NOT NULL, start_line INTEGER NOT NULL, end_line INTEGER NOT NULL, start INTEGER NOT NULL,
    "end" INTEGER NOT NULL, signature {text} NOT NULL, docstring {text} NOT NULL, body INTEGER NOT NULL);
CREATE INDEX symbol_file ON symbol (file);
CREATE INDEX symbol_name ON symbol (name);
CREATE TABLE reference (
    id INTEGER PRIMARY KEY, file INTEGER NOT NULL, simple {text} NOT NULL, scope {text} NOT NULL,
    kind {text} NOT NULL, name {text} NOT NULL, bound {text} NOT NULL, line INTEGER NOT NULL,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL);
CREATE INDEX reference_file ON reference (file);
CREATE INDEX reference_simple ON reference (simple);
CREATE TABLE imported (name {text} NOT NULL, file INTEGER NOT NULL, reference INTEGER NOT NULL);
CREATE INDEX imported_name ON imported (name);
CREATE INDEX imported_file ON imported (file);
"""

UNSURE = 2e-6
"""How far a cosine in single precision may be off, and what six decimals round away."""

_VALUES = 500  # in one question
_OWNED = {"chunk": "chunks", "symbol": "symbols", "reference": "references", "imported": ""}
_MISMATCH = "an index holds vectors of one model"


class Sql(Protocol):
    """An open database that takes SQL with ``?`` in place of values."""

    name: str  # for people; never with a password
    anew: str  # what to do to have the index built anew

    def identity(self) -> Hashable:
        """Return what tells this database from one that is made later in its place."""

    def rows(self, question: str, *values: Any) -> list[Any]:
        """Return what a question answers."""

    def stream(self, question: str) -> Iterator[Any]:
        """Yield what a question answers."""

    def execute(self, statement: str, *values: Any) -> int:
        """Run a statement and return how many rows it changed."""

    def insert(self, into: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Insert rows; `into` is a table and its columns, such as ``file (id, path)``."""

    def reading(self) -> AbstractContextManager[None]:
        """Hold one state of the database for several questions."""

    def writing(self) -> AbstractContextManager[None]:
        """Write all of a block or nothing."""

    def close(self) -> None:
        """Let go of the database."""


class Tables(ABC):
    """A store, less its words and vectors. One thread at a time."""

    def __init__(self, database: Sql) -> None:
        self._database = database

    # ------------------------------------------------------------ what the databases do each in their way

    @abstractmethod
    def _put_words(self, words: Sequence[tuple[int, Words]]) -> None:
        """Put the words of chunks in, by number."""

    @abstractmethod
    def settle(self) -> None:
        """Put together what many writes left in parts, for searches to be fast; the rows stay as they are."""

    @abstractmethod
    def _delete_words(self, files: Sequence[int]) -> None:
        """Take the words of all chunks of files out."""

    @abstractmethod
    def _words(self) -> Iterator[tuple[int, str, Sequence[int]]]:
        """Yield (number of a chunk, word, how often in each field), by number."""

    @abstractmethod
    def frequencies(self, words: Iterable[str]) -> dict[str, int]:
        """Return in how many chunks each word occurs; a word that occurs nowhere is left out."""

    @abstractmethod
    def _bm25(self, terms: Sequence[str], weights: Sequence[float]) -> tuple[str, tuple[Any, ...]]:
        """Return the question for (number of a chunk, score), and its values."""

    @abstractmethod
    def _put_vectors(self, vectors: Mapping[int, np.ndarray]) -> None:
        """Put vectors of length 1 in, by number of the chunk."""

    @abstractmethod
    def _vectors_of(self, numbers: Sequence[int]) -> dict[int, np.ndarray]:
        """Return the vectors of some chunks."""

    @abstractmethod
    def _near(self, vector: np.ndarray, limit: int) -> tuple[Sequence[int], np.ndarray]:
        """Return numbers and vectors [n, dimension] of the `limit` nearest, and of all that may tie."""

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """Return what keeps the rows, such as the database's version, by name."""

    # ------------------------------------------------------------ writing

    def replace(self, facts: Sequence[FileFacts]) -> None:
        """Put files in, in place of what stands under their paths; of several with one path the last."""
        by_path = {printable(one.file.path): one for one in facts}
        if by_path:
            with self._database.writing():
                self._delete(list(by_path))
                self._put(list(by_path.values()))

    def remove(self, paths: Sequence[str]) -> None:
        """Take files out."""
        if paths:
            with self._database.writing():
                self._delete(paths)

    def put_vectors(self, model: str, vectors: Mapping[int, np.ndarray]) -> None:
        """Put the vectors of chunks in; a chunk that is gone is left out."""
        if not vectors:
            return
        with self._database.writing():
            for dimension in {int(vector.shape[0]) for vector in vectors.values()}:
                self._agree(model, dimension)
            for some in portions(list(vectors)):
                self._delete_vectors(f"chunk IN ({marks(len(some))})", some)
                rows = self._database.rows(f"SELECT id FROM chunk WHERE id IN ({marks(len(some))})", *some)
                self._put_vectors({number: unit(vectors[number]) for (number,) in rows})
                self._count("vectors", len(rows))

    def set(self, name: str, value: Any) -> None:
        """Keep a value under a name; it must be expressible in JSON."""
        with self._database.writing():
            self._keep(name, value)

    def _keep(self, name: str, value: Any) -> None:
        self._database.execute(
            "INSERT INTO setting VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            name,
            json.dumps(value, sort_keys=True),
        )

    def _agree(self, model: str, dimension: int) -> None:
        """Note the model of the first vectors; refuse any other."""
        kept = self.get("vectors")
        if kept is None:
            self._keep("vectors", {"model": model, "dimension": dimension})
            self._begin_vectors(dimension)
        elif (kept["model"], kept["dimension"]) != (model, dimension):
            given = (
                f"{kept['model']} ({kept['dimension']}) in {self._database.name}, not {model} ({dimension})"
            )
            raise UserMistake(_MISMATCH, given, self._database.anew)

    @abstractmethod
    def _begin_vectors(self, dimension: int) -> None:
        """Make what the first vectors need."""

    def _put(self, facts: Sequence[FileFacts]) -> None:
        files = list(zip(self._numbers("files", len(facts)), facts, strict=True))
        self._database.insert(
            f"file (id, name, {FILE})",
            ((file, printable(one.file.path).rpartition("/")[2], *file_row(one.file)) for file, one in files),
        )
        chunks = [(file, chunk) for file, one in files for chunk in one.chunks]
        numbers = self._numbers("chunks", len(chunks))
        self._database.insert(
            f"chunk (id, file, {CHUNK})",
            ((n, file, *chunk_row(chunk)) for n, (file, chunk) in zip(numbers, chunks, strict=True)),
        )
        words = (words for one in facts for words in one.words)
        self._put_words(list(zip(numbers, words, strict=True)))
        symbols = [(file, symbol) for file, one in files for symbol in one.symbols]
        numbers = self._numbers("symbols", len(symbols))
        self._database.insert(
            f"symbol (id, file, {SYMBOL})",
            ((n, file, *symbol_row(symbol)) for n, (file, symbol) in zip(numbers, symbols, strict=True)),
        )
        self._put_references([(file, reference) for file, one in files for reference in one.references])

    def _put_references(self, references: Sequence[tuple[int, Reference]]) -> None:
        rows, imported = [], []
        numbers = self._numbers("references", len(references))
        for number, (file, reference) in zip(numbers, references, strict=True):
            simple, *taken = names_of(reference)
            rows.append((number, file, printable(simple), *reference_row(reference)))
            imported += [(printable(name), file, number) for name in taken]
        self._database.insert(f"reference (id, file, simple, {REFERENCE})", rows)
        self._database.insert("imported (name, file, reference)", imported)

    def _numbers(self, name: str, count: int) -> range:
        """Return new numbers; those of rows that are gone do not come back, lest a vector meet another."""
        [[last]] = self._database.rows("SELECT last FROM counter WHERE name = ?", name)
        self._database.execute(
            "UPDATE counter SET held = held + ?, last = last + ? WHERE name = ?", count, count, name
        )
        return range(int(last) + 1, int(last) + 1 + count)

    def _count(self, name: str, more: int) -> None:
        if more:
            self._database.execute("UPDATE counter SET held = held + ? WHERE name = ?", more, name)

    def _delete(self, paths: Sequence[str]) -> None:
        for some in portions(sorted({printable(path) for path in paths})):
            rows = self._database.rows(f"SELECT id FROM file WHERE path IN ({marks(len(some))})", *some)
            if rows:
                self._delete_files([file for (file,) in rows])

    def _delete_files(self, files: Sequence[int]) -> None:
        these = f"IN ({marks(len(files))})"
        self._delete_words(files)
        self._delete_vectors(f"chunk IN (SELECT id FROM chunk WHERE file {these})", files)
        for table, counted in _OWNED.items():
            gone = self._database.execute(f"DELETE FROM {table} WHERE file {these}", *files)
            if counted:
                self._count(counted, -gone)
        self._count("files", -self._database.execute(f"DELETE FROM file WHERE id {these}", *files))

    def _delete_vectors(self, where: str, values: Sequence[Any]) -> int:
        """Take vectors out and return how many those were."""
        if self.get("vectors") is None:
            return 0
        gone = self._database.execute(f"DELETE FROM vector WHERE {where}", *values)
        self._count("vectors", -gone)
        return gone

    # ------------------------------------------------------------ reading

    def reading(self) -> AbstractContextManager[None]:
        """Hold one state of the database for several readings, whatever others write meanwhile."""
        return self._database.reading()

    def get(self, name: str) -> Any:
        """Return the value kept under a name, None for none."""
        for (value,) in self._database.rows("SELECT value FROM setting WHERE name = ?", name):
            return json.loads(value)
        return None

    def kept(self) -> dict[str, Any]:
        """Return all values that are kept, by name."""
        rows = self._database.rows("SELECT name, value FROM setting ORDER BY name")
        return {name: json.loads(value) for name, value in rows}

    def files(self) -> Iterator[FileRow]:
        """Yield the files by path."""
        return (FileRow(*row) for row in self._database.stream(f"SELECT {FILE} FROM file ORDER BY path"))

    def state(self) -> Hashable:
        """Return what is another value whenever files were put in or taken out: numbers are given once."""
        counters = self._database.rows("SELECT held, last FROM counter ORDER BY name")
        return self._database.identity(), *map(tuple, counters)

    def counts(self) -> dict[str, int]:
        """Return the number of files, chunks, symbols, references and vectors."""
        held = dict(self._database.rows("SELECT name, held FROM counter"))
        return {name: int(held[name]) for name in ("files", "chunks", "symbols", "references", "vectors")}

    def chunks(self, numbers: Iterable[int]) -> dict[int, Chunk]:
        """Return chunks by number, in the order given; a number that is not there is left out."""
        wanted = list(dict.fromkeys(numbers))
        found = self._chunks("chunk.id IN ({})", wanted)
        return {number: found[number] for number in wanted if number in found}

    def chunks_of(self, path: str) -> dict[int, Chunk]:
        """Return the chunks of a file in their order."""
        return self._chunks(
            'file.path IN ({}) ORDER BY chunk.start, chunk."end", chunk.id', [printable(path)]
        )

    def without_vector(self, limit: int) -> dict[int, Chunk]:
        """Return chunks that have no vector yet."""
        some = "" if self.get("vectors") is None else "WHERE id NOT IN (SELECT chunk FROM vector)"
        rows = self._database.rows(f"SELECT id FROM chunk {some} ORDER BY id LIMIT ?", limit)
        return self.chunks(number for (number,) in rows)

    def matching(
        self, frequencies: Mapping[str, int], weights: Sequence[float], limit: int
    ) -> list[tuple[int, float]]:
        """Return the best chunks that have any of some words, with their BM25 score, best first.

        `frequencies` are those of the words, as asked of this store.
        """
        terms = affordable(frequencies)
        if not terms or limit < 1:
            return []
        question, values = self._bm25(sorted(terms), weights)
        rows = self._database.rows(f"{question} ORDER BY score DESC LIMIT ?", *values, limit + 1)
        if len(rows) > limit and round(rows[-1][1], 9) == round(rows[-2][1], 9):  # a tie at the edge
            edge = rows[-1][1] - 1e-9
            all_above = f"SELECT * FROM ({question}) AS scored WHERE score >= ?"
            rows = self._database.rows(all_above, *values, edge)
        return self._best([(number, round(score, 9)) for number, score in rows], limit)

    def nearest(self, vector: np.ndarray, limit: int) -> list[tuple[int, float]]:
        """Return the chunks whose vectors are most similar, with the cosine, best first."""
        kept = self.get("vectors")
        if kept is None or limit < 1:
            return []
        if kept["dimension"] != vector.shape[0]:
            given = f"{kept['dimension']} numbers in {self._database.name}, not {vector.shape[0]}"
            raise UserMistake(_MISMATCH, given, f"use that model, or {self._database.anew}")
        asked = unit(vector)
        if not asked.any():  # it points nowhere
            return []
        with self.reading():
            numbers, vectors = self._near(asked, limit)
            # again in double precision: databases add single ones in different orders
            scores = np.round(vectors.astype(np.float64) @ asked.astype(np.float64), 6)
            return self._best([(int(n), float(s)) for n, s in zip(numbers, scores, strict=True)], limit)

    def symbols_named(self, names: Iterable[str]) -> list[Symbol]:
        """Return the definitions whose simple or qualified name is one of these, by path and place."""
        wanted = {printable(name) for name in names}
        found: list[Symbol] = []
        for some in portions(sorted({name.rpartition(".")[2] for name in wanted})):
            found += self._symbols(f"symbol.name IN ({marks(len(some))})", *some)
        kept = (symbol for symbol in found if symbol.name in wanted or symbol.qualified_name in wanted)
        return sorted(kept, key=symbol_place)

    def symbols_of(self, path: str) -> list[Symbol]:
        """Return the definitions of a file by place."""
        return sorted(self._symbols("file.path = ?", printable(path)), key=symbol_place)

    def references_to(self, names: Iterable[str]) -> list[Reference]:
        """Return the references that have one of these among their `names_of`, by path and place."""
        found: dict[int, Reference] = {}
        for some in portions(sorted({printable(name) for name in names})):
            these = marks(len(some))
            found |= self._references(f"reference.simple IN ({these})", *some)
            imported = f"SELECT reference FROM imported WHERE name IN ({these})"
            found |= self._references(f"reference.id IN ({imported})", *some)
        return sorted(found.values(), key=reference_place)

    def references_of(self, path: str) -> list[Reference]:
        """Return what a file uses, by place."""
        return sorted(self._references("file.path = ?", printable(path)).values(), key=reference_place)

    def paths_ending(self, endings: Iterable[str]) -> list[str]:
        """Return the paths that are one of these or end in "/" and one of these, sorted."""
        wanted = {printable(ending) for ending in endings}
        found: list[str] = []
        for some in portions(sorted({ending.rpartition("/")[2] for ending in wanted})):
            rows = self._database.rows(f"SELECT path FROM file WHERE name IN ({marks(len(some))})", *some)
            found += [path for (path,) in rows if not wanted.isdisjoint(_endings(path))]
        return sorted(found)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield every row of the files, without numbers, in a fixed order."""
        for row in self._database.stream(f"SELECT {FILE} FROM file ORDER BY path"):
            yield ("file", *row)
        for table, columns in (("chunk", CHUNK), ("symbol", SYMBOL), ("reference", REFERENCE)):
            # `id` keeps the order of a file's facts among those of one place
            for row in self._database.stream(
                f"SELECT '{table}', file.path, {prefixed(table, columns)} FROM {table} "
                f"JOIN file ON file.id = {table}.file ORDER BY file.path, {table}.id"
            ):
                yield tuple(text_of(value) if isinstance(value, bytes) else value for value in row)

    def contents(self) -> Iterator[tuple[FileFacts, dict[int, np.ndarray]]]:
        """Yield what is kept of each file: its facts, and the vectors of its chunks by their place in it."""
        with self.reading():
            words_of = _taker(self._words())
            for number, *row in self._database.stream(f"SELECT id, {FILE} FROM file ORDER BY id"):
                chunks = dict(sorted(self._chunks("file.id IN ({})", [number]).items()))
                symbols = self._symbols("file.id = ? ORDER BY symbol.id", number)
                references = self._references("file.id = ? ORDER BY reference.id", number)
                facts = FileFacts(
                    FileRow(*row),
                    tuple(chunks.values()),
                    tuple(words_of(chunk) for chunk in chunks),
                    tuple(symbols),
                    tuple(references.values()),
                )
                vectors = self._vectors_of(list(chunks)) if chunks else {}
                yield facts, {place: vectors[n] for place, n in enumerate(chunks) if n in vectors}

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------ parts of questions

    def _best(self, scored: Sequence[tuple[int, float]], limit: int) -> list[tuple[int, float]]:
        """Return the best, equal scores in the order of path and place."""
        places: dict[int, tuple[str, int, int]] = {}
        for some in portions([number for number, _ in scored]):
            rows = self._database.rows(
                'SELECT chunk.id, file.path, chunk.start, chunk."end" FROM chunk '
                f"JOIN file ON file.id = chunk.file WHERE chunk.id IN ({marks(len(some))})",
                *some,
            )
            places |= {number: (path, start, end) for number, path, start, end in rows}
        return sorted(scored, key=lambda pair: (-pair[1], places[pair[0]], pair[0]))[:limit]

    def _chunks(self, where: str, values: Sequence[Any]) -> dict[int, Chunk]:
        found = {}
        for some in portions(values):
            rows = self._database.rows(
                f"SELECT chunk.id, file.path, file.language, {prefixed('chunk', CHUNK)} FROM chunk "
                f"JOIN file ON file.id = chunk.file WHERE {where.format(marks(len(some)))}",
                *some,
            )
            found.update({number: chunk_of(row) for number, *row in rows})
        return found

    def _symbols(self, where: str, *values: Any) -> Iterator[Symbol]:
        rows = self._database.rows(
            f"SELECT file.path, {prefixed('symbol', SYMBOL)} FROM symbol "
            f"JOIN file ON file.id = symbol.file WHERE {where}",
            *values,
        )
        return (Symbol(*row) for row in rows)

    def _references(self, where: str, *values: Any) -> dict[int, Reference]:
        rows = self._database.rows(
            f"SELECT reference.id, file.path, {prefixed('reference', REFERENCE)} FROM reference "
            f"JOIN file ON file.id = reference.file WHERE {where}",
            *values,
        )
        return {number: reference_of(row) for number, *row in rows}


def portions(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Yield values in numbers that one question takes."""
    return (values[start : start + _VALUES] for start in range(0, len(values), _VALUES))


def marks(number: int) -> str:
    """Return as many marks for values."""
    return ", ".join("?" * number)


def _endings(path: str) -> Iterator[str]:
    """Yield ``a/b/c``, ``b/c`` and ``c``."""
    while path:
        yield path
        path = path.partition("/")[2]


def _taker(words: Iterator[tuple[int, str, Sequence[int]]]) -> Callable[[int], Words]:
    """Return what takes the words of chunks, asked for by ascending number, from an iterator of them all."""
    by_chunk = groupby(words, key=itemgetter(0))
    ahead = next(by_chunk, None)

    def take(number: int) -> Words:
        nonlocal ahead
        if ahead is None or ahead[0] != number:
            return Words("", "", "", "")  # it has none
        fields: list[list[str]] = [[], [], [], []]
        for _, word, counts in ahead[1]:
            for field, count in zip(fields, counts, strict=True):
                field += [word] * count
        ahead = next(by_chunk, None)
        return Words(*map(" ".join, fields))

    return take
