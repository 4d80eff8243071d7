"""The store in one SQLite file: FTS5 for words, numpy for vectors.

words      FTS5 without content, one row per chunk
vector     float32 of length 1
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import apsw
import numpy as np

from inhouse.retrieval.database import Database, Layout
from inhouse.retrieval.store import FIELDS, printable
from inhouse.retrieval.tables import SCHEMA, TABLES, UNSURE, Tables, marks, portions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from inhouse.retrieval.store import Words

__all__ = ["SCHEMA", "SqliteStore"]

_WAIT_SECONDS = 10.0

_TABLES = f"""
{TABLES.format(text="TEXT", bytes="BLOB")}
CREATE TABLE vector (chunk INTEGER PRIMARY KEY, value BLOB NOT NULL);
CREATE VIRTUAL TABLE words USING fts5 (
    {", ".join(FIELDS)}, content = '', contentless_delete = 1, tokenize = "ascii tokenchars '_'");
CREATE VIRTUAL TABLE vocabulary USING fts5vocab (words, row);
CREATE VIRTUAL TABLE instance USING fts5vocab (words, instance);
"""
_LAYOUT = Layout(0x696E6878, SCHEMA, _TABLES, frozenset({"file", "chunk", "symbol", "words"}))  # "inhx"


class SqliteStore(Tables):
    """An open index file. One thread at a time."""

    def __init__(self, path: Path, *, wait: float = _WAIT_SECONDS, read_only: bool = False) -> None:
        """Open a file, making it when absent; `wait` is for how many seconds another writer is waited for.

        Raises UserMistake for what is no index, a damaged or a newer one; with `read_only` also for one that
        is absent or older, and for writing.
        """
        super().__init__(Database(path, _LAYOUT, wait, read_only=read_only))

    def versions(self) -> dict[str, str]:
        """Return the version of SQLite and of the tables."""
        return {"sqlite": apsw.sqlite_lib_version(), "schema": str(SCHEMA)}

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
        """Blobs take any."""

    def _put_vectors(self, vectors: Mapping[int, np.ndarray]) -> None:
        self._database.insert(
            "vector (chunk, value)", ((n, vector.tobytes()) for n, vector in vectors.items())
        )
        self._touch_vectors()

    def _delete_vectors(self, where: str, values: Sequence[Any]) -> int:
        gone = super()._delete_vectors(where, values)
        if gone:
            self._touch_vectors()
        return gone

    def _touch_vectors(self) -> None:
        """Say that the vectors changed, to whoever has read them into memory."""
        self._keep("vectors_state", uuid4().hex)

    def _vectors_of(self, numbers: Sequence[int]) -> dict[int, np.ndarray]:
        found = {}
        for some in portions(numbers):
            question = f"SELECT chunk, value FROM vector WHERE chunk IN ({marks(len(some))})"
            for number, value in self._database.rows(question, *some):
                found[number] = np.frombuffer(value, dtype=np.float32)
        return found

    def _near(self, vector: np.ndarray, limit: int) -> tuple[Sequence[int], np.ndarray]:
        numbers, matrix = self._matrix(vector.shape[0])
        places = np.arange(len(numbers))
        if len(numbers) > limit:
            scores = matrix @ vector
            places = np.flatnonzero(scores >= np.partition(scores, -limit)[-limit] - UNSURE)
        return numbers[places].tolist(), matrix[places]

    def _matrix(self, dimension: int) -> _Matrix:
        """Return all vectors; what was read once stays in memory until they change."""
        with self.reading():
            state = str(self.get("vectors_state"))
            with _LOCK:
                if state not in _MATRICES:
                    rows = self._database.rows("SELECT chunk, value FROM vector ORDER BY chunk")
                    values = np.frombuffer(b"".join(value for _, value in rows), dtype=np.float32)
                    numbers = np.fromiter((number for number, _ in rows), dtype=np.int64, count=len(rows))
                    _MATRICES[state] = _Matrix(numbers, values.reshape(len(rows), dimension))
                    for old in list(_MATRICES)[:-_KEPT_MATRICES]:
                        del _MATRICES[old]
                return _MATRICES[state]


class _Matrix(NamedTuple):
    numbers: np.ndarray  # of the chunks, [n]
    values: np.ndarray  # [n, dimension], each row of length 1


_MATRICES: dict[str, _Matrix] = {}  # of the process, by state: a server opens an index once per thread
_KEPT_MATRICES = 4
_LOCK = threading.Lock()
