"""What an index needs of a database. Two implementations, one test suite: `sqlite` and `postgres`.

    file       path, digest of the content, language, how it was read, syntax errors
    chunk      a span of a file; its text stays here, so that search needs no checkout
    symbol     a definition
    reference  a name that is used: the near end of an edge
    words      the inverted index of the chunks, by field
    vector     one per chunk, of one model

Rows depend on their own file alone, and edges are derived from symbols and references when they are asked
for (`graph`). So replacing a file can never lose what other files say about it, and an update equals a
rebuild by construction.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from typing import Self

    import numpy as np

    from inhouse.records import Chunk, Reference, Symbol

__all__ = [
    "FIELDS",
    "STATES",
    "FileFacts",
    "FileRow",
    "Store",
    "Words",
    "affordable",
    "names_of",
    "printable",
    "simple_name",
]

FIELDS = ("path", "names", "docs", "body")
"""Of a chunk, searched apart: its path, what it defines and stands in, its comments, everything."""

STATES = ("parsed", "fallback", "unindexed")
"""Of a file: its grammar read it, it is cut as plain text, it is left out."""

MAX_WORDS = 40  # of a query that are looked up; more cost time and add noise
MAX_POSTINGS = 15_000  # chunks that they may occur in, all together: what a search may cost

_FILE_NAME = re.compile(
    r".*\.(?:h|hh|hpp|hxx|h\+\+|inc|inl|ipp|c|cc|cpp|cxx|js|jsx|mjs|cjs|ts|tsx|mts|cts|json)"
)
_NO_NAME = re.compile(r"\W+")
_UNPRINTABLE = re.compile("[\0\ud800-\udfff]")


class Words(NamedTuple):
    """The words of a chunk by field, of letters, digits and "_", separated by blanks; parts included."""

    path: str
    names: str
    docs: str
    body: str


class FileRow(NamedTuple):
    """What an index knows of a file."""

    path: str
    digest: str
    language: str
    state: str  # one of STATES
    errors: int  # syntax errors
    reason: str  # why it is not parsed, "" when it is


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Everything that an index keeps of one file: a function of its path and text alone."""

    file: FileRow
    chunks: tuple[Chunk, ...]
    words: tuple[Words, ...]  # one per chunk
    symbols: tuple[Symbol, ...]
    references: tuple[Reference, ...]


def no_index(place: str) -> UserMistake:
    """Return what is said where an index is asked that is not there."""
    return UserMistake("there is no index yet", place, "build it with `inhouse index`")


@lru_cache(maxsize=20_000)  # code uses the same names again and again
def simple_name(name: str) -> str:
    """Return the last word of a name as written: ``self.close``: close; ``a/b``: b; ``uv/unix.h``: unix.h."""
    if name.isidentifier():
        return name
    last = name.rstrip("/").rpartition("/")[2]
    if _FILE_NAME.fullmatch(last):
        return last
    return next((word for word in reversed(_NO_NAME.split(last)) if word), last)


def names_of(reference: Reference) -> tuple[str, ...]:
    """Return the simple names that a reference is found by; an import also by what it takes out."""
    if not reference.bound:
        return (simple_name(reference.name),)
    taken = (there for _, there in reference.bound if there not in {"", "*"})
    return tuple(dict.fromkeys((simple_name(reference.name), *map(simple_name, taken))))


def affordable(frequencies: Mapping[str, int]) -> list[str]:
    """Return the words of a query that are looked up, rarest first: a common word costs most and says least.

    The rarest is always among them, then as many as `MAX_WORDS` and `MAX_POSTINGS` allow.
    """
    kept: list[str] = []
    postings = 0
    for word in sorted(frequencies, key=lambda word: (frequencies[word], word))[:MAX_WORDS]:
        postings += frequencies[word]
        if kept and postings > MAX_POSTINGS:
            break
        kept.append(word)
    return kept


def printable(text: str) -> str:
    """Return a name or path with what no database keeps, NUL and lone surrogates, written out."""
    return text if text.isascii() and "\0" not in text else _UNPRINTABLE.sub(_written_out, text)


def _written_out(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


class Store(Protocol):
    """A database with the rows above. A chunk's number is valid until its file is replaced.

    Strings go through `printable` on their way in and in questions; the text of a chunk is kept as it is.
    """

    def reading(self) -> AbstractContextManager[None]:
        """Hold one state of the database for several readings, whatever others write meanwhile."""

    # ------------------------------------------------------------ writing, each call one transaction

    def replace(self, facts: Sequence[FileFacts]) -> None:
        """Put files in, in place of what stands under their paths; of several with one path the last."""

    def settle(self) -> None:
        """Put together what many writes left in parts, for searches to be fast; the rows stay as they are."""

    def remove(self, paths: Sequence[str]) -> None:
        """Take files out."""

    def put_vectors(self, model: str, vectors: Mapping[int, np.ndarray]) -> None:
        """Put the vectors of chunks in; a chunk that is gone is left out.

        The first call decides: ``get("vectors")`` is then {"model": ..., "dimension": ...}. Vectors of
        another model or dimension raise UserMistake, in `nearest` too.
        """

    def set(self, name: str, value: Any) -> None:
        """Keep a value, such as the model of the vectors, under a name."""

    # ------------------------------------------------------------ reading

    def get(self, name: str) -> Any:
        """Return the value kept under a name, None for none."""

    def kept(self) -> dict[str, Any]:
        """Return all values that are kept, by name."""

    def files(self) -> Iterator[FileRow]:
        """Yield the files by path."""

    def state(self) -> Hashable:
        """Return what is another value whenever files were put in or taken out."""

    def counts(self) -> dict[str, int]:
        """Return the number of files, chunks, symbols, references and vectors."""

    def chunks(self, numbers: Iterable[int]) -> dict[int, Chunk]:
        """Return chunks by number."""

    def chunks_of(self, path: str) -> dict[int, Chunk]:
        """Return the chunks of a file in their order, {} for a file that is not there."""

    def frequencies(self, words: Iterable[str]) -> dict[str, int]:
        """Return in how many chunks each word occurs; a word that occurs nowhere is left out."""

    def matching(
        self, frequencies: Mapping[str, int], weights: Sequence[float], limit: int
    ) -> list[tuple[int, float]]:
        """Return the best chunks that have any of some words, with their BM25 score, best first.

        `frequencies` are those of the words, as asked of this store.

        `weights` are those of `FIELDS`. The formula is that of SQLite's FTS5 (k1 = 1.2, b = .75) over the
        words that are `affordable`; scores have nine decimals, equal ones are ordered by path and place.
        """

    def nearest(self, vector: np.ndarray, limit: int) -> list[tuple[int, float]]:
        """Return the chunks whose vectors are most similar, with the cosine, best first.

        The cosine has six decimals, equal ones are ordered by path and place.
        """

    def without_vector(self, limit: int) -> dict[int, Chunk]:
        """Return chunks that have no vector yet."""

    def symbols_named(self, names: Iterable[str]) -> list[Symbol]:
        """Return the definitions whose simple or qualified name is one of these, by path and place."""

    def symbols_of(self, path: str) -> list[Symbol]:
        """Return the definitions of a file by place."""

    def references_to(self, names: Iterable[str]) -> list[Reference]:
        """Return the references that have one of these among their `names_of`, by path and place."""

    def references_of(self, path: str) -> list[Reference]:
        """Return what a file uses, by place."""

    def paths_ending(self, endings: Iterable[str]) -> list[str]:
        """Return the paths that are one of these or end in "/" and one of these, sorted."""

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield every row of the files, without numbers, in a fixed order: what `digest` covers."""

    def contents(self) -> Iterator[tuple[FileFacts, dict[int, np.ndarray]]]:
        """Yield what is kept of each file: its facts, and the vectors of its chunks by their place in it.

        Words come back in another order than they went in with.
        """

    def versions(self) -> dict[str, str]:
        """Return what keeps the rows, such as the database's version, by name."""

    def close(self) -> None:
        """Let go of the database."""

    def __enter__(self) -> Self:
        """Return itself."""

    def __exit__(self, *_: object) -> None:
        """Close it."""
