"""The store in one SQLite file: FTS5 for words, sqlite-vec for vectors (https://alexgarcia.xyz/sqlite-vec).

words      FTS5 without content, one row per chunk
vector     vec0, made at the first vectors: float32 of length 1, and one more number (`_widened`)

The first question of a process is answered by sqlite-vec from the file, which costs a quarter of reading all
vectors; later ones by numpy from memory, which costs a tenth of asking sqlite-vec again (docs/decisions.md).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import apsw
import numpy as np

from inhouse.errors import UserMistake
from inhouse.retrieval.database import Database, Layout
from inhouse.retrieval.store import FIELDS, printable
from inhouse.retrieval.tables import SCHEMA, TABLES, UNSURE, Tables, marks, portions

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from inhouse.retrieval.store import Words

__all__ = ["SCHEMA", "SqliteStore"]

_WAIT_SECONDS = 10.0
_SLOTS = 256  # vectors that vec0 keeps together: more are read faster, and taken out more slowly
_SPARE_SLOTS = 4 * _SLOTS
_MOST = 4_096  # neighbours that vec0 looks for
_MORE = 16  # are asked for beyond the wanted ones, to see where those that may tie end
_WIDEST = 8_191  # numbers of a vector
_BEYOND = 3.0  # any distance: those of cosines end at 2
_EPSILON = 2.0**-23

_TABLES = f"""
{TABLES.format(text="TEXT", bytes="BLOB")}
CREATE VIRTUAL TABLE words USING fts5 (
    {", ".join(FIELDS)}, content = '', contentless_delete = 1, tokenize = "ascii tokenchars '_'");
CREATE VIRTUAL TABLE vocabulary USING fts5vocab (words, row);
CREATE VIRTUAL TABLE instance USING fts5vocab (words, instance);
"""
_VECTORS = (
    "CREATE VIRTUAL TABLE vector USING vec0 ("
    f"chunk INTEGER PRIMARY KEY, value FLOAT[{{}}] distance_metric=cosine, chunk_size={_SLOTS})"
)
_LAYOUT = Layout(0x696E6878, SCHEMA, _TABLES, frozenset({"file", "chunk", "symbol", "words"}))  # "inhx"


class SqliteStore(Tables):
    """An open index file. One thread at a time."""

    _database: Database

    def __init__(self, path: Path, *, wait: float = _WAIT_SECONDS, read_only: bool = False) -> None:
        """Open a file, making it when absent; `wait` is for how many seconds another writer is waited for.

        Raises UserMistake for what is no index, a damaged or a newer one; with `read_only` also for one that
        is absent or older, and for writing.
        """
        super().__init__(Database(path, _LAYOUT, wait, read_only=read_only))
        self._was_asked = False  # for neighbours

    def versions(self) -> dict[str, str]:
        """Return the versions of SQLite, of sqlite-vec and of the tables."""
        [[extension]] = self._database.rows("SELECT vec_version()")
        return {
            "sqlite": apsw.sqlite_lib_version(),
            "sqlite-vec": extension.removeprefix("v"),
            "schema": str(SCHEMA),
        }

    # ------------------------------------------------------------ words

    def frequencies(self, words: Iterable[str]) -> dict[str, int]:
        """Return in how many chunks each word occurs; a word that occurs nowhere is left out."""
        found = {}
        for word in dict.fromkeys(words):
            for (count,) in self._database.rows("SELECT doc FROM vocabulary WHERE term = ?", printable(word)):
                found[word] = int(count)
        return found

    def _put_words(self, words: Sequence[tuple[int, Words]]) -> None:
        self._database.insert(
            f"words (rowid, {', '.join(FIELDS)})", ((number, *one) for number, one in words)
        )

    def settle(self) -> None:
        """Merge the parts of FTS5's index, each of which a search goes through."""
        with self._database.writing():
            self._database.execute("INSERT INTO words (words) VALUES ('optimize')")

    def _delete_words(self, files: Sequence[int]) -> None:
        chunks = f"SELECT id FROM chunk WHERE file IN ({marks(len(files))})"
        self._database.execute(f"DELETE FROM words WHERE rowid IN ({chunks})", *files)

    def _words(self) -> Iterator[tuple[int, str, Sequence[int]]]:
        """Yield what FTS5 has in its index: the text itself is not there."""
        sums = ", ".join(f"sum(col = '{field}')" for field in FIELDS)
        question = f"SELECT doc, term, {sums} FROM instance GROUP BY doc, term ORDER BY doc"
        return ((number, word, counts) for number, word, *counts in self._database.stream(question))

    def _bm25(self, terms: Sequence[str], weights: Sequence[float]) -> tuple[str, tuple[Any, ...]]:
        match = " OR ".join(f'"{printable(term)}"' for term in terms)
        question = "SELECT rowid, -bm25(words, ?, ?, ?, ?) AS score FROM words WHERE words MATCH ?"
        return question, (*weights, match)

    # ------------------------------------------------------------ vectors

    def _begin_vectors(self, dimension: int) -> None:
        if dimension > _WIDEST:
            rule = f"an index in an SQLite file takes vectors of at most {_WIDEST:,} numbers"
            raise UserMistake(rule, f"{dimension:,}", "use another model, or an index on a PostgreSQL server")
        self._database.execute(_VECTORS.format(dimension + 1))

    def _put_vectors(self, vectors: Mapping[int, np.ndarray]) -> None:
        rows = ((number, _widened(vector).tobytes()) for number, vector in vectors.items())
        self._database.insert("vector (chunk, value)", rows)
        slots = _SLOTS * self._database.number("SELECT count(*) FROM vector_chunks")
        held = self._database.number("SELECT held FROM counter WHERE name = 'vectors'") + len(vectors)
        if slots > 2 * held + _SPARE_SLOTS:
            self._pack_vectors()
        self._touch_vectors()

    def _delete_vectors(self, where: str, values: Sequence[Any]) -> int:
        gone = super()._delete_vectors(where, values)
        if gone:
            self._touch_vectors()
        return gone

    def _touch_vectors(self) -> None:
        """Say that the vectors changed, to whoever has read them into memory."""
        self._keep("vectors_state", uuid4().hex)

    def _pack_vectors(self) -> None:
        """Give back the room of vectors that were taken out: vec0 uses it for no others."""
        execute = self._database.execute
        execute("CREATE TEMP TABLE packed AS SELECT chunk, value FROM vector")
        execute("DROP TABLE vector")
        execute(_VECTORS.format(self.get("vectors")["dimension"] + 1))
        execute("INSERT INTO vector (chunk, value) SELECT chunk, value FROM packed ORDER BY chunk")
        execute("DROP TABLE packed")

    def _vectors_of(self, numbers: Sequence[int]) -> dict[int, np.ndarray]:
        if self.get("vectors") is None:
            return {}
        found = {}
        for some in portions(numbers):
            question = f"SELECT chunk, value FROM vector WHERE chunk IN ({marks(len(some))})"
            for number, value in self._database.rows(question, *some):
                found[number] = np.frombuffer(value, dtype=np.float32)[:-1]
        return found

    def _near(self, vector: np.ndarray, limit: int) -> tuple[Sequence[int], np.ndarray]:
        near = self._near_in_memory if self._was_asked else self._near_in_file
        self._was_asked = True
        found = near(_widened(vector), limit)
        return found.numbers.tolist(), found.values[:, :-1]

    def _near_in_file(self, asked: np.ndarray, limit: int) -> _Vectors:
        most = min(limit + _MORE, _MOST)
        question = "SELECT chunk, value, distance FROM vector WHERE value MATCH ? AND k = ? ORDER BY distance"
        rows = self._database.rows(question, asked.tobytes(), most)
        edge = rows[limit - 1][2] + _off_by(len(asked)) if limit <= len(rows) else _BEYOND
        if len(rows) == most and rows[-1][2] <= edge:  # there may be more that tie
            question = "SELECT chunk, value FROM vector WHERE vec_distance_cosine(value, ?) <= ?"
            rows = self._database.rows(question, asked.tobytes(), edge)
        return _Vectors.of(rows, len(asked))

    def _near_in_memory(self, asked: np.ndarray, limit: int) -> _Vectors:
        known = self._in_memory(len(asked))
        if len(known.numbers) <= limit:
            return known
        scores = known.values @ asked
        places = np.flatnonzero(scores >= np.partition(scores, -limit)[-limit] - UNSURE)
        return _Vectors(known.numbers[places], known.values[places])

    def _in_memory(self, width: int) -> _Vectors:
        """Return all vectors; what was read once stays in memory until they change."""
        file, state = self._database.identity(), str(self.get("vectors_state"))
        with _LOCK:
            if _READ.get(file, ("", None))[0] != state:
                _READ.pop(file, None)  # first: two of them may be half a gigabyte
                rows = self._database.stream("SELECT chunk, value FROM vector")
                _READ[file] = state, _Vectors.of(rows, width)
                for old in list(_READ)[:-_KEPT]:
                    del _READ[old]
            return _READ[file][1]


class _Vectors(NamedTuple):
    numbers: np.ndarray  # of the chunks, (n,)
    values: np.ndarray  # (n, width), each row of length 1

    @classmethod
    def of(cls, rows: Iterable[tuple[Any, ...]], width: int) -> _Vectors:
        """Return the vectors of rows that begin with number and value."""
        numbers, values = [], bytearray()
        for number, value, *_ in rows:
            numbers.append(number)
            values += value
        return cls(np.array(numbers, np.int64), np.frombuffer(values, np.float32).reshape(-1, width))


# Of the process, by file, with their state: a server opens one once per thread.
_READ: dict[Hashable, tuple[str, _Vectors]] = {}
_KEPT = 4
_LOCK = threading.Lock()


def _widened(vector: np.ndarray) -> np.ndarray:
    """Return a vector with one more number, by which one of length 0 is at right angles to all others.

    It has no cosine, and a distance that is no number would spoil the order of all.
    """
    return np.append(vector, 0.0 if vector.any() else 1.0).astype(np.float32)


def _off_by(dimension: int) -> float:
    """Return by how much two cosines may differ that are added up in single precision, number by number."""
    return UNSURE + 2 * dimension * _EPSILON
