"""The trade-offs of chunking, measured on a repository: latency, accuracy, memory, context integrity.

    latency             lines indexed in a second by one process, and time of a query: processor time
    accuracy            of what a question wants, the share that a context of a fixed number of tokens holds
    memory              bytes of the index; peak memory of the process that made and asked it
    context integrity   definitions that stand whole in one chunk, of all; references inside a context whose
                        definition is in that context too, of those that lead to one definition

Every strategy sees the same files and the same questions (`questions`), in a process of its own, and its
chunks are found in two ways: by their words alone, and by the whole search of an index.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from inhouse.retrieval.comparison.measuring import (
    APPROACHES,
    BUDGETS,
    Answers,
    Measured,
    Work,
    measure,
    read_files,
)
from inhouse.retrieval.comparison.questions import KINDS, Question, Target, definition_questions, without
from inhouse.shards import Processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

__all__ = [
    "APPROACHES",
    "BUDGETS",
    "KINDS",
    "Answers",
    "Measured",
    "Question",
    "Target",
    "compare",
    "indexed_paths",
    "prepare",
]

_FILES = "files.jsonl"


def prepare(
    files: Callable[[], Iterable[tuple[str, str, str]]], folder: Path, limit: int, seed: int
) -> list[Question]:
    """Write the files, given as (path, digest, text), as they are to be indexed; return what to ask.

    `files` is called twice. At most `limit` questions are made of docstrings, which the files then lack.
    """
    questions, removed = definition_questions(((path, text) for path, _, text in files()), limit, seed)
    with (folder / _FILES).open("w", encoding="ascii") as stream:
        for path, digest, text in files():
            stream.write(json.dumps((path, digest, without(text, removed.get(path, ())))) + "\n")
    return questions


def compare(strategies: Sequence[str], folder: Path, questions: Sequence[Question]) -> Iterator[Measured]:
    """Yield what each strategy costs and finds, one after the other, on the files of a prepared folder."""
    for strategy in strategies:
        store = folder / f"{strategy}.db"
        work = Work(strategy, folder / _FILES, store, tuple(questions))
        with Processes(1) as pool:
            yield from pool.map(measure, [work])
        for part in folder.glob(f"{store.name}*"):
            part.unlink()


def indexed_paths(folder: Path) -> set[str]:
    """Return the paths of a prepared folder."""
    return {path for path, _, _ in read_files(folder / _FILES)}
