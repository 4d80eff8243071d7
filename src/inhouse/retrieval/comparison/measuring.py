"""What a strategy costs and what it finds, in a process of its own: its memory is that of one strategy.

Times are processor time: what else runs on the machine does not decide which strategy looks slow.
"""

from __future__ import annotations

import json
import resource
import time
from dataclasses import dataclass
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

from inhouse.languages import detect, parse
from inhouse.retrieval.chunking import DEFINITIONS, STRATEGIES, is_summary, outlines
from inhouse.retrieval.comparison.contexts import References, show
from inhouse.retrieval.facts import read_file
from inhouse.retrieval.index import Index
from inhouse.retrieval.query import understand
from inhouse.retrieval.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from inhouse.records import Chunk, Symbol
    from inhouse.retrieval.comparison.questions import Question
    from inhouse.retrieval.store import FileFacts, Store

__all__ = ["APPROACHES", "BUDGETS", "Answers", "Measured", "Work", "measure"]

APPROACHES = ("words", "search")
"""How chunks are found: by their words alone (BM25 over fields), or by the whole search of an index."""

BUDGETS = (2_000, 8_000)
"""Tokens of a context."""

_WEIGHTS = (2.0, 3.0, 1.0, 1.0)  # of path, names, docs and body
_HITS = 200  # enough to fill the largest context
_BATCH = 64  # files of a transaction
_WARM_UP, _TIMED = 5, 100  # questions that are asked before any is timed, and those that are


@dataclass(frozen=True, slots=True)
class Work:
    """One strategy on files that lie at `files`, a line of JSON for each (path, digest, text)."""

    strategy: str
    files: Path
    store: Path
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Answers:
    """What one approach found: in `found`, `known` and `there` an entry per question."""

    seconds: tuple[float, ...]  # of the questions that were timed
    found: dict[int, tuple[float, ...]]  # by budget: share of what was wanted that the context has
    known: dict[int, tuple[int, ...]]  # by budget: references in the context that lead to one definition
    there: dict[int, tuple[int, ...]]  # by budget: those whose definition is in the context too

    @property
    def milliseconds(self) -> tuple[float, float]:
        """Median and 99th percentile of the time of a query."""
        if len(self.seconds) < 2:
            return (1000 * sum(self.seconds),) * 2
        return 1000 * median(self.seconds), 1000 * quantiles(self.seconds, n=100, method="inclusive")[98]


@dataclass(frozen=True, slots=True)
class Measured:
    """One strategy."""

    strategy: str
    files: int
    lines: int
    chunks: int
    tokens: int  # of all chunks, shared lines counted as often as they stand there
    seconds: float  # of reading and writing the index, in one process
    index_bytes: int
    peak_memory_bytes: int
    definitions: tuple[tuple[str, int, int], ...]  # path, number of definitions, those whole in one chunk
    answers: dict[str, Answers]  # by approach


def measure(work: Work) -> Measured:
    """Index the files with a strategy, ask the questions, and tell what was found."""
    store = SqliteStore(work.store)
    try:
        counts = _Counts()
        begun = time.process_time()
        for batch in _facts(work):
            store.replace(batch)
            counts.add(batch)
        seconds = time.process_time() - begun - counts.seconds
        index = Index(store)
        ways: dict[str, Callable[[str], list[Chunk]]] = {
            "words": lambda text: _by_words(store, text),
            "search": lambda text: [hit.chunk for hit in index.search(text, _HITS)],
        }
        times = {name: _time(ways[name], work.questions) for name in APPROACHES}
        memory = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        references = References(store)
        answers = {name: _ask(ways[name], references, work.questions, times[name]) for name in APPROACHES}
    finally:
        store.close()
    return Measured(
        strategy=work.strategy,
        files=counts.files,
        lines=counts.lines,
        chunks=counts.chunks,
        tokens=counts.tokens,
        seconds=seconds,
        index_bytes=sum(part.stat().st_size for part in work.store.parent.glob(f"{work.store.name}*")),
        peak_memory_bytes=memory,
        definitions=tuple(counts.definitions),
        answers=answers,
    )


def read_files(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield (path, digest, text) of each line."""
    with path.open(encoding="ascii") as stream:
        for line in stream:
            name, digest, text = json.loads(line)
            yield name, digest, text


def _facts(work: Work) -> Iterator[list[FileFacts]]:
    around: dict[str, tuple[str, ...]] = {}
    if STRATEGIES[work.strategy].needs_neighbours:
        around = outlines(
            (path, parse(path, text, detect(path, text))) for path, _, text in read_files(work.files)
        )
    batch: list[FileFacts] = []
    for path, digest, text in read_files(work.files):
        batch.append(read_file(path, digest, text, work.strategy, around.get(path, ())))
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


class _Counts:
    """Adds up what files gave; the time that this takes is no part of the index's."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.files = self.lines = self.chunks = self.tokens = 0
        self.definitions: list[tuple[str, int, int]] = []

    def add(self, batch: Sequence[FileFacts]) -> None:
        begun = time.process_time()
        for facts in batch:
            symbols = [symbol for symbol in facts.symbols if symbol.kind in DEFINITIONS]
            self.files += 1
            self.lines += max((chunk.end_line for chunk in facts.chunks), default=0)
            self.chunks += len(facts.chunks)
            self.tokens += sum(chunk.tokens for chunk in facts.chunks)
            if symbols:
                self.definitions.append((facts.file.path, len(symbols), _whole(symbols, facts.chunks)))
        self.seconds += time.process_time() - begun


def _whole(symbols: Sequence[Symbol], chunks: Sequence[Chunk]) -> int:
    """Return how many definitions stand whole in one chunk."""
    spans = [(chunk.start, chunk.end) for chunk in chunks if not is_summary(chunk)]
    return sum(any(start <= symbol.start and symbol.end <= end for start, end in spans) for symbol in symbols)


def _by_words(store: Store, text: str) -> list[Chunk]:
    asked = understand(text)
    with store.reading():
        frequencies = store.frequencies(asked.words)
        found = store.matching(frequencies, _WEIGHTS, _HITS)
        chunks = store.chunks(number for number, _ in found)
    return [chunks[number] for number, _ in found]


def _time(way: Callable[[str], list[Chunk]], questions: Sequence[Question]) -> tuple[float, ...]:
    """Return the seconds of single queries, of questions of all kinds."""
    for question in questions[:_WARM_UP]:
        way(question.text)
    seconds = []
    for question in questions[:: -(-len(questions) // _TIMED)]:
        begun = time.process_time()
        way(question.text)
        seconds.append(time.process_time() - begun)
    return tuple(seconds)


def _ask(
    way: Callable[[str], list[Chunk]],
    references: References,
    questions: Sequence[Question],
    seconds: tuple[float, ...],
) -> Answers:
    rows: dict[str, dict[int, list[Any]]] = {
        name: {budget: [] for budget in BUDGETS} for name in ("found", "known", "there")
    }
    for question in questions:
        chunks = way(question.text)
        for budget in BUDGETS:
            shown = show(chunks, budget)
            shares = [shown.share(target) for target in question.targets]
            followed = references.follow(shown)
            rows["found"][budget].append(sum(shares) / len(shares))
            rows["known"][budget].append(followed.known)
            rows["there"][budget].append(followed.there)
    kept = {name: {budget: tuple(row) for budget, row in by.items()} for name, by in rows.items()}
    return Answers(seconds, kept["found"], kept["known"], kept["there"])
