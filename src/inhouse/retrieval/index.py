"""The index that everybody uses: it reads files into a store, and answers from it.

    files --facts (worker processes)--> store (one writer) --> search, definitions, references, outline

A file's rows depend on that file alone, and go in with those of its batch in one transaction. Whatever order
files came in, and however often an update was killed, the same tree gives the same `digest` and answers.
"""

from __future__ import annotations

import gc
from collections import Counter
from contextlib import contextmanager
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from inhouse.digests import digest_rows
from inhouse.errors import UserMistake
from inhouse.languages import grammar_versions
from inhouse.retrieval.chunking import DEFAULT
from inhouse.retrieval.facts import VERSION, read_files, reader
from inhouse.retrieval.graph import Graph, definitions, references
from inhouse.retrieval.places import index_at, open_store
from inhouse.retrieval.search import files, search
from inhouse.retrieval.store import STATES, printable
from inhouse.retrieval.vectors.source import text_of
from inhouse.shards import Processes

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Self

    from inhouse.progress import Task
    from inhouse.records import Chunk, Edge, Hit, Reference, Symbol
    from inhouse.retrieval.places import Address
    from inhouse.retrieval.search import FileHit
    from inhouse.retrieval.store import FileFacts, Store
    from inhouse.retrieval.vectors import VectorSource

__all__ = ["Index", "Update", "states_now"]

_BATCH_FILES = 64
_MUCH = 10  # one file of so many was written
_BATCH_VECTORS = 256
_BATCH_CHARACTERS = 200_000  # a transaction: what a kill may cost, and what a worker holds
_ALONE_CHARACTERS = 1_000_000  # less is read before processes that help would have begun

File = tuple[str, str, str]  # path, digest of the content, text


class Update(NamedTuple):
    """What an update did, in files."""

    added: int
    changed: int
    removed: int
    unchanged: int


class Index:
    """An open index. One thread at a time.

    `chunking` is one of `chunking.STRATEGIES` that needs no neighbours; an index that was cut otherwise is
    read anew by its next update. Where it is left out, the index stays cut as it is. `vectors` is where those
    of chunks and queries come from; without it, words decide.
    """

    def __init__(
        self, store: Store, chunking: str | None = None, vectors: VectorSource | None = None
    ) -> None:
        self.store = store
        self._chunking: str = chunking or store.get("chunking") or DEFAULT
        self.vectors = vectors
        self._graph = Graph(store)
        self._graph_of: Hashable = None  # the state of the store

    @classmethod
    def open(
        cls,
        place: Path | Address,
        chunking: str | None = None,
        *,
        read_only: bool = False,
        vectors: VectorSource | None = None,
    ) -> Index:
        """Open an index, making it when absent. Raises UserMistake for one that cannot be used.

        With `read_only` nothing is ever written, and one that is absent or of an older version is refused.
        """
        return cls(open_store(place, read_only=read_only), chunking, vectors)

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------ writing

    def update(self, files: Iterable[File], progress: Task | None = None, *, workers: int = 1) -> Update:
        """Make the index that of a whole tree, given as (path, digest, text); only changed files are read."""
        seen: dict[str, str] = {}
        known = self._known()

        def changed() -> Iterator[File]:
            for path, digest, text in files:
                path = printable(path)
                if seen.get(path, known.get(path)) != digest:
                    yield path, digest, text
                seen[path] = digest
                if progress is not None:
                    progress.advance()

        self._write(changed(), workers)
        gone = sorted(known.keys() - seen.keys())
        self._remove(gone)
        return _counted(known, seen, len(gone))

    def apply(
        self,
        changed: Iterable[File],
        removed: Iterable[str] = (),
        progress: Task | None = None,
        *,
        workers: int = 1,
    ) -> Update:
        """Put changed files in and take removed ones out, as a commit does; all others stay as they are.

        Raises UserMistake for an index that holds files which another version read: it needs all of the tree.
        """
        if self.store.get("reader") not in {None, reader(self._chunking)} and self.store.counts()["files"]:
            rule = "an index that another version made, or cut in another way, is read anew as a whole"
            raise UserMistake(rule, "it was given a part of the tree", "run `inhouse index`")
        known = self._known()
        given: dict[str, str] = {}

        def noted() -> Iterator[File]:
            for path, digest, text in changed:
                given[printable(path)] = digest
                yield printable(path), digest, text
                if progress is not None:
                    progress.advance()

        self._write(noted(), workers)
        gone = {printable(path) for path in removed}.intersection(known).difference(given)
        self._remove(sorted(gone))
        left = {path: digest for path, digest in (known | given).items() if path not in gone}
        return _counted(known, left, len(gone))

    def differences(self, tree: Mapping[str, str]) -> tuple[list[str], list[str]]:
        """Return the paths of a tree (path: digest) that have to be read, and those that it no longer has."""
        known = self._known()
        stale = [path for path, digest in tree.items() if known.get(printable(path)) != digest]
        return stale, sorted(known.keys() - {printable(path) for path in tree})

    def _known(self) -> dict[str, str]:
        """Return path: digest of what is indexed; what was read or cut in another way is dropped."""
        with self.store.reading():
            known = {file.path: file.digest for file in self.store.files()}
        if self.store.get("reader") != reader(self._chunking):
            self._remove(list(known))
            self.store.set("chunking", self._chunking)
            self.store.set("reader", reader(self._chunking))
            known = {}
        return known

    def _write(self, files: Iterable[File], workers: int) -> None:
        """Read files and put them in, a batch in a transaction; much work is shared with other processes."""
        read = partial(read_files, strategy=self._chunking)
        batches = _batches(files)
        is_much, batches = _is_much(batches) if workers > 1 else (False, batches)
        with _without_collection():
            if not is_much:
                self._put(map(read, batches))
            else:
                with Processes(workers - 1, gc.disable) as pool:
                    self._put(pool.share(read, batches))

    def _put(self, batches: Iterable[list[FileFacts]]) -> None:
        written = 0
        for facts in batches:
            self.store.replace(facts)
            written += len(facts)
        if written and written * _MUCH >= self.store.counts()["files"]:
            self.store.settle()  # which takes time with the size of the index

    def _remove(self, paths: Sequence[str]) -> None:
        for start in range(0, len(paths), _BATCH_FILES):
            self.store.remove(paths[start : start + _BATCH_FILES])

    def embed(self, progress: Task | None = None) -> int:
        """Make the vectors of the chunks that have none, and return how many that were.

        Finished batches stay. Raises UserMistake where vectors of another model are, VectorsUnavailable.
        """
        made, source = 0, self.vectors
        while source is not None and (chunks := self.store.without_vector(_BATCH_VECTORS)):
            vectors = source.documents([text_of(chunk) for chunk in chunks.values()])
            self.store.put_vectors(source.name, dict(zip(chunks, vectors, strict=True)))
            made += len(chunks)
            if progress is not None:
                progress.advance(len(chunks))
        return made

    # ------------------------------------------------------------ reading

    def search(self, query: str, k: int = 10, *, skip: Callable[[Chunk], bool] | None = None) -> list[Hit]:
        """Return the `k` best chunks for any text, best first; `skip` leaves chunks out (`search.search`)."""
        with self.store.reading():
            return search(self.store, query, k, self.graph(), skip=skip, vectors=self.vectors)

    def files(self, query: str, k: int = 10) -> list[FileHit]:
        """Return the `k` files that a text is about, best first."""
        with self.store.reading():
            return files(self.store, query, k, self.graph(), vectors=self.vectors)

    def graph(self) -> Graph:
        """Return the graph of the store as it is now, with what it was asked before."""
        state = self.store.state()
        if state != self._graph_of:
            self._graph, self._graph_of = Graph(self.store), state
        return self._graph

    def definitions(self, name: str) -> list[Symbol]:
        """Return the definitions of a name (`graph.lookup.definitions`)."""
        return definitions(self.store, name)

    def references(self, name: str, most: int | None = None) -> list[Edge]:
        """Return what depends on the definitions of a name (`graph.lookup.references`)."""
        with self.store.reading():
            return references(self.store, self.graph(), name, most)

    def mentions(self, name: str) -> list[Reference]:
        """Return where a simple name is called, imported or otherwise used, whatever it means there."""
        return self.store.references_to([name])

    def outline(self, path: str) -> list[Symbol]:
        """Return the definitions of a file by place."""
        return self.store.symbols_of(path)

    def digest(self) -> str:
        """Return the digest of all rows: equal for equal trees, however they were indexed."""
        with self.store.reading():
            return digest_rows(self.store.rows())

    def status(self) -> dict[str, Any]:
        """Return counts and versions: what was parsed, what fell back to plain text, what was left out."""
        with self.store.reading():
            files = list(self.store.files())
            counts = self.store.counts()
            vectors = self.store.get("vectors")
        reasons = Counter(file.reason for file in files if file.reason)
        return {
            **counts,
            **{state: sum(file.state == state for file in files) for state in STATES},
            "with_syntax_errors": sum(file.state == "parsed" and file.errors > 0 for file in files),
            "reasons": dict(sorted(reasons.items())),
            "vectors_of": vectors,
            "chunking": self.store.get("chunking") or self._chunking,
            "facts": VERSION,
            "grammars": grammar_versions(),
            **self.store.versions(),
        }


def states_now(recorded: Mapping[str, Any], folder: Path, setting: str) -> dict[str, Any]:
    """Return the recorded states of a folder's indexes with what each says of itself now.

    Vectors come after a state was recorded, and others may update what `setting` names. What cannot be asked
    keeps its record, with the reason as `problem`.
    """
    return {name: _asked(state, index_at(folder, name, setting)) for name, state in recorded.items()}


def _asked(state: dict[str, Any], place: Path | Address) -> dict[str, Any]:
    try:
        with Index.open(place, read_only=True) as index:
            return {**state, "status": {**state["status"], **index.status()}}
    except UserMistake as mistake:
        return {**state, "problem": str(mistake)}


def _batches(files: Iterable[File]) -> Iterator[list[File]]:
    """Yield files in batches that end at a number of files or of characters."""
    batch: list[File] = []
    characters = 0
    for file in files:
        batch.append(file)
        characters += len(file[2])
        if len(batch) == _BATCH_FILES or characters >= _BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _is_much(batches: Iterator[list[File]]) -> tuple[bool, Iterator[list[File]]]:
    """Tell whether batches hold more than one process reads at once; return all of them again."""
    first: list[list[File]] = []
    characters = 0
    for batch in batches:
        first.append(batch)
        characters += sum(len(text) for _, _, text in batch)
        if characters > _ALONE_CHARACTERS:
            return True, chain(first, batches)
    return False, iter(first)


@contextmanager
def _without_collection() -> Iterator[None]:
    """Do not look for cycles: facts have none, and to look through them takes a tenth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _counted(before: Mapping[str, str], after: Mapping[str, str], removed: int) -> Update:
    added = sum(path not in before for path in after)
    changed = sum(before.get(path, digest) != digest for path, digest in after.items())
    return Update(added, changed, removed, len(after) - added - changed)
