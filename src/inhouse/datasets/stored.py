"""Finished datasets of a workspace: found by name, read with what is behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.errors import UserMistake
from inhouse.records import Example, Occurrence
from inhouse.shards import read_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inhouse.workspace import Artefact, Workspace

__all__ = [
    "check_tokenizer",
    "find_dataset",
    "find_row",
    "input_of",
    "last_two",
    "read_rows_of",
    "resolve_lineage",
]

_BUILD = "build one with `inhouse dataset build`"
_SHORT = 12  # characters of a commit, as printed


def find_dataset(workspace: Workspace, prefix: str = "") -> Artefact:
    """Return the dataset whose fingerprint begins with `prefix`; the current one when it is ""."""
    if not prefix:
        return workspace.need("dataset", _BUILD)
    found = [each for each in workspace.finished("dataset") if each.fingerprint.startswith(prefix.lower())]
    if len(found) != 1:
        known = ", ".join(each.fingerprint[:_SHORT] for each in workspace.finished("dataset")) or "none"
        raise UserMistake(
            f"a dataset is named by the beginning of its fingerprint; there are {known}",
            f"{prefix} is the beginning of {len(found)}",
            "see `inhouse dataset stats`" if found or known != "none" else _BUILD,
        )
    return found[0]


def last_two(workspace: Workspace) -> tuple[Artefact, Artefact]:
    """Return the two datasets that were made last, the older one first."""
    found = workspace.finished("dataset")
    if len(found) < 2:
        raise UserMistake("a comparison needs two datasets", f"there is {len(found)}", _BUILD)
    return found[-2], found[-1]


def input_of(workspace: Workspace, dataset: Artefact, stage: str) -> Artefact:
    """Return the artefact of an earlier stage that a dataset was made from."""
    wanted = dataset.manifest["inputs"][stage]
    for artefact in workspace.finished(stage):
        if artefact.digest == wanted:
            return artefact
    raise UserMistake(
        f"the {stage} that a dataset was made from must be in the workspace",
        f"dataset {dataset.fingerprint[:_SHORT]} was made from {wanted[:_SHORT]}",
        "make both again with `inhouse dataset build`",
    )


def check_tokenizer(dataset: Artefact, digest: str) -> None:
    """Raise UserMistake unless a dataset was made with the tokenizer of this digest."""
    if dataset.manifest["inputs"]["tokenizer"] != digest:
        raise UserMistake(
            "the tokens of a dataset are read with the tokenizer that made them",
            f"dataset {dataset.fingerprint[:_SHORT]} was made with that of another model",
            "name that model with --model",
        )


def read_rows_of(dataset: Artefact) -> Iterator[Example]:
    """Yield the rows: training in the order of training, then validation."""
    return read_records(dataset.path, "examples", Example)


def find_row(dataset: Artefact, word: str) -> tuple[int, Example]:
    """Return a row and its number: the N-th, counted from 1, or the one whose id begins with `word`."""
    by_number = word.isdecimal() and len(word) < 8  # ids are hexadecimal: so short a one is a number
    found: list[tuple[int, Example]] = []
    number = 0
    for number, row in enumerate(read_rows_of(dataset), start=1):
        if number == int(word) if by_number else word and row.id.startswith(word.lower()):
            found.append((number, row))
    if len(found) != 1:
        raise UserMistake(
            f"a row is shown by its number, 1 to {number}, or by the beginning of its id",
            f"{word} names {len(found)} rows" if word else "none was given",
            "try `inhouse dataset show 1`",
        )
    return found[0]


def resolve_lineage(workspace: Workspace, dataset: Artefact, wanted: Iterable[str]) -> dict[str, str]:
    """Return where occurrences stand, as PATH@COMMIT; of a commit's message, message@COMMIT."""
    names = set(wanted)
    if not names:
        return {}
    corpus = input_of(workspace, dataset, "corpus")
    found = read_records(corpus.path, "occurrences", Occurrence)
    return {each.id: _place(each) for each in found if each.id in names}


def _place(occurrence: Occurrence) -> str:
    return f"{occurrence.path or occurrence.kind}@{occurrence.revision[:_SHORT]}"
