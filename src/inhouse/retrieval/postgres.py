"""The store in a schema of a PostgreSQL database: BM25 over postings, pgvector for vectors.

posting      a word in a chunk: how often in each field, and how long the chunk is
vocabulary   in how many chunks each word occurs
vector       of length 1; made at the first vectors, so that an index without them needs no pgvector

Scores are those of SQLite's FTS5 (https://sqlite.org/fts5.html#the_bm25_function): k1 = 1.2, b = .75, the
frequency of a word weighted by field, the length of a chunk counted in words over all fields, and an inverse
document frequency ln((N - n + .5) / (n + .5)) that is never below 1e-6.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from inhouse.retrieval.server import Server
from inhouse.retrieval.store import FIELDS, printable
from inhouse.retrieval.tables import SCHEMA, TABLES, UNSURE, Tables, marks, portions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from inhouse.retrieval.places import Address
    from inhouse.retrieval.store import Words

__all__ = ["PostgresStore"]

_WAIT_SECONDS = 10.0
_TEXT = 'TEXT COLLATE "C"'  # ordered by code point, as everywhere else here
_IN_A_PAGE = 1_900  # dimensions of a vector that needs no place of its own

_TABLES = f"""
{TABLES.format(text=_TEXT, bytes="BYTEA")}
INSERT INTO counter VALUES ('words', 0, 0);
CREATE TABLE posting (
    word {_TEXT} NOT NULL, chunk INTEGER NOT NULL, length INTEGER NOT NULL,
    {", ".join(f"{field} INTEGER NOT NULL" for field in FIELDS)});
CREATE INDEX posting_word ON posting (word);
CREATE INDEX posting_chunk ON posting (chunk);
CREATE TABLE vocabulary (word {_TEXT} PRIMARY KEY, chunks INTEGER NOT NULL) WITH (fillfactor = 70);
"""
_BM25 = """
SELECT posting.chunk, sum(
    term.weight * found.frequency * 2.2
    / (found.frequency + 1.2 * (0.25 + 0.75 * posting.length / term.average))) AS score
FROM (
    SELECT word, greatest(1e-6, ln((total.chunks - vocabulary.chunks + 0.5) / (vocabulary.chunks + 0.5)))
        AS weight, total.average
    FROM vocabulary, (
        SELECT CAST(chunks.held AS FLOAT8) AS chunks, words.held / CAST(chunks.held AS FLOAT8) AS average
        FROM counter AS chunks, counter AS words WHERE chunks.name = 'chunks' AND words.name = 'words'
    ) AS total
    WHERE word IN ({terms})
) AS term
JOIN posting USING (word)
CROSS JOIN LATERAL (SELECT {weighted} AS frequency) AS found
GROUP BY posting.chunk
"""


class PostgresStore(Tables):
    """An open index. One thread at a time."""

    _database: Server

    def __init__(self, address: Address, *, wait: float = _WAIT_SECONDS, read_only: bool = False) -> None:
        """Connect, making the index when absent; `wait` is for how many seconds another writer is waited for.

        Raises UserMistake for what is no index, a newer one, and a server that cannot be used. `read_only`
        refuses one that is absent or older, and writing.
        """
        super().__init__(Server(address, SCHEMA, _TABLES, wait, read_only=read_only))
        self._vector_type = ""

    def versions(self) -> dict[str, str]:
        """Return the versions of PostgreSQL, of pgvector if it is there, and of the tables."""
        [[server]] = self._database.rows("SHOW server_version")
        found = {"postgresql": str(server).partition(" ")[0]}
        for (version,) in self._database.rows("SELECT extversion FROM pg_extension WHERE extname = 'vector'"):
            found["pgvector"] = version
        return {**found, "schema": str(SCHEMA)}

    # ------------------------------------------------------------ words

    def frequencies(self, words: Iterable[str]) -> dict[str, int]:
        """Return in how many chunks each word occurs; a word that occurs nowhere is left out."""
        asked = {printable(word): word for word in dict.fromkeys(words)}
        found: dict[str, int] = {}
        for some in portions(list(asked)):
            question = (
                f"SELECT word, chunks FROM vocabulary WHERE chunks > 0 AND word IN ({marks(len(some))})"
            )
            found |= dict(self._database.rows(question, *some))
        return {word: found[written] for written, word in asked.items() if written in found}

    def _put_words(self, words: Sequence[tuple[int, Words]]) -> None:
        if not words:
            return
        lengths = [sum(len(field.split()) for field in one) for _, one in words]
        self._count("words", sum(lengths))
        self._database.insert(
            f"posting (word, chunk, length, {', '.join(FIELDS)})",
            (
                row
                for (n, one), length in zip(words, lengths, strict=True)
                for row in _postings(n, one, length)
            ),
        )
        self._database.execute(
            "INSERT INTO vocabulary SELECT word, count(*) FROM posting WHERE chunk BETWEEN ? AND ?"
            " GROUP BY word ON CONFLICT (word) DO UPDATE SET chunks = vocabulary.chunks + excluded.chunks",
            words[0][0],
            words[-1][0],
        )

    def settle(self) -> None:
        """Do nothing: the server's own process does."""

    def _delete_words(self, files: Sequence[int]) -> None:
        these = f"chunk IN (SELECT id FROM chunk WHERE file IN ({marks(len(files))}))"
        lengths = f"SELECT DISTINCT chunk, length FROM posting WHERE {these}"
        question = f"SELECT CAST(coalesce(sum(length), 0) AS BIGINT) FROM ({lengths}) AS gone"
        [[length]] = self._database.rows(question, *files)
        self._count("words", -length)
        self._database.execute(
            f"WITH gone AS (DELETE FROM posting WHERE {these} RETURNING word),"
            " less AS (SELECT word, count(*) AS chunks FROM gone GROUP BY word)"
            " UPDATE vocabulary SET chunks = vocabulary.chunks - less.chunks FROM less"
            " WHERE vocabulary.word = less.word",
            *files,
        )

    def _words(self) -> Iterator[tuple[int, str, Sequence[int]]]:
        question = f"SELECT chunk, word, {', '.join(FIELDS)} FROM posting ORDER BY chunk, word"
        return ((number, word, counts) for number, word, *counts in self._database.stream(question))

    def _bm25(self, terms: Sequence[str], weights: Sequence[float]) -> tuple[str, tuple[Any, ...]]:
        weighted = " + ".join(f"posting.{field} * CAST(? AS FLOAT8)" for field in FIELDS)
        question = _BM25.format(terms=marks(len(terms)), weighted=weighted)
        return question, (*map(printable, terms), *weights)

    # ------------------------------------------------------------ vectors

    def _begin_vectors(self, dimension: int) -> None:
        # never in our own schema: dropping that would drop the type of everybody's vectors
        self._database.execute("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public")
        self._database.execute(
            f"CREATE TABLE vector (chunk INTEGER PRIMARY KEY, value {self._type()}({dimension}) NOT NULL)"
        )
        if dimension <= _IN_A_PAGE:
            self._database.execute("ALTER TABLE vector ALTER COLUMN value SET STORAGE PLAIN")

    def _put_vectors(self, vectors: Mapping[int, np.ndarray]) -> None:
        rows = ((number, str(vector.tolist())) for number, vector in vectors.items())
        self._database.insert("vector (chunk, value)", rows)

    def _vectors_of(self, numbers: Sequence[int]) -> dict[int, np.ndarray]:
        if self.get("vectors") is None:
            return {}
        found = {}
        for some in portions(numbers):
            question = f"SELECT chunk, value FROM vector WHERE chunk IN ({marks(len(some))})"
            found.update({number: _vector(value) for number, value in self._database.rows(question, *some)})
        return found

    def _near(self, vector: np.ndarray, limit: int) -> tuple[Sequence[int], np.ndarray]:
        # lengths are 1 (or 0, which has no cosine): the inner product is the cosine, `<#>` its negative
        schema = self._type().rpartition(".")[0]
        distance = f"value OPERATOR({schema}.<#>) CAST(? AS {self._type()})"
        edge = f"SELECT {distance} AS distance FROM vector ORDER BY distance LIMIT ?"
        question = (
            f"SELECT chunk, value FROM vector"
            f" WHERE {distance} <= (SELECT max(distance) FROM ({edge}) AS near) + CAST(? AS FLOAT8)"
        )
        asked = str(vector.tolist())
        rows = self._database.rows(question, asked, asked, limit, UNSURE)
        values = [_vector(value) for _, value in rows]
        return [number for number, _ in rows], np.array(values, np.float32).reshape(len(rows), len(vector))

    def _type(self) -> str:
        """Return the name of pgvector's type with its schema, which is not on our path."""
        if not self._vector_type:
            question = "SELECT quote_ident(nspname) FROM pg_extension, pg_namespace"
            [[schema]] = self._database.rows(
                f"{question} WHERE pg_namespace.oid = extnamespace AND extname = 'vector'"
            )
            self._vector_type = f"{schema}.vector"
        return self._vector_type


def _postings(number: int, words: Words, length: int) -> Iterator[tuple[Any, ...]]:
    """Yield (word, number of the chunk, its length, how often in each field)."""
    fields = [Counter(field.split()) for field in words]
    for word in dict.fromkeys(word for field in fields for word in field):
        yield (printable(word), number, length, *(field[word] for field in fields))


def _vector(value: str) -> np.ndarray:
    return np.fromstring(value[1:-1], dtype=np.float32, sep=",")
