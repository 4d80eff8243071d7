"""The dataset stage: rows to train on, items to be measured on, and what became of everything else.

examples.parquet             Example: training rows, in the order of training; then validation rows
items.parquet                Item: validation, then held-out; oldest commit first
removed.parquet              Removed: the candidates that are no items, and why
documents.parquet            Item: prose of the held-out period, oldest first; no part of the comparison
documents_removed.parquet    Removed: the same for them
preferences.parquet          Preference: code that was wrong and what took its place; with critiques only
contamination.parquet        BenchmarkHit: training rows that were dropped because they repeat a benchmark
review.html, review.csv      a sample of the training rows for people, and a file for their decisions
canaries.json                made-up secrets among the training rows, where the settings ask for some
accounting.json              every token and every candidate
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from inhouse.config import BUDGETS
from inhouse.datasets.accounting import (
    document_account,
    document_sentence,
    item_account,
    item_sentence,
    kind_line,
)
from inhouse.datasets.contamination import Seen
from inhouse.datasets.decontamination import BenchmarkHit
from inhouse.datasets.evaluated import evaluated, newer_documents
from inhouse.datasets.material import Material, TrainingFiles
from inhouse.datasets.negatives import Preference
from inhouse.datasets.review import sampled, write_review
from inhouse.datasets.rows import RowMaker, row_length
from inhouse.errors import UserMistake
from inhouse.languages import CODE
from inhouse.records import Example, Item
from inhouse.shards import write_json, write_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from inhouse.config import Settings
    from inhouse.datasets.candidates import Candidate
    from inhouse.models.tokenizer import Tokenizer
    from inhouse.progress import Progress

__all__ = ["Removed", "write_dataset"]


@dataclass(frozen=True, slots=True)
class Removed:
    """A candidate that is no item. If it was "seen before", `occurrence` says where."""

    item: str
    commit: str
    path: str
    split: str
    reason: str
    occurrence: str
    similarity: float


def write_dataset(
    history: Path,
    corpus: Path,
    tokenizer: Tokenizer,
    repository: str,
    settings: Settings,
    folder: Path,
    progress: Progress,
) -> None:
    """Fill `folder` with the files above. Raises UserMistake when nothing is left to train or measure on."""
    material = Material(history, corpus)
    files = TrainingFiles(material)
    maker = RowMaker(tokenizer, repository, settings)
    training = maker.training(material, files, progress)
    _check_training(files, training)
    seen = Seen()
    found = evaluated(material, training, tokenizer, settings, progress, seen)
    _check_heldout(found["heldout"], settings)
    documents = newer_documents(material, seen, tokenizer, settings, progress)
    rows = [*training, *maker.validation(found["validation"], training)]
    write_records(folder / "examples.parquet", rows, Example)
    pairs = maker.preferences()
    if pairs is not None:
        write_records(folder / "preferences.parquet", pairs, Preference)
    _write_items(folder / "items.parquet", folder / "removed.parquet", chain(*found.values()))
    _write_items(folder / "documents.parquet", folder / "documents_removed.parquet", documents)
    write_records(folder / "contamination.parquet", maker.benchmarks.hits, BenchmarkHit)
    write_review(folder, sampled(training, settings.dataset.review_share, settings.seed), tokenizer)
    maker.planted.write(folder)
    account = {
        "budget": settings.budget,
        "tokens_allowed": BUDGETS[settings.budget].trained,
        "row_length": row_length(settings),
        "kinds": maker.account(),
        "skipped": maker.skipped(),
        "benchmarks": maker.benchmarks.account(),
        "training_files": {"code": files.code, "prose": files.prose, "bytes": files.bytes},
        "validation": _validation_account(rows),
        "items": {split: item_account(candidates) for split, candidates in found.items()},
        "documents": document_account(documents),
    } | maker.replayed()
    write_json(folder / "accounting.json", account)
    _say(account, progress)


def _write_items(kept: Path, removed: Path, candidates: Iterable[Candidate]) -> None:
    found = list(candidates)
    write_records(kept, (each.item for each in found if not each.removed), Item)
    write_records(removed, (_removed(each) for each in found if each.removed), Removed)


def _check_training(files: TrainingFiles, rows: Sequence[Example]) -> None:
    if files.code and rows:
        return
    known = ", ".join(CODE)
    raise UserMistake(
        f"training needs code in a language that inhouse knows ({known})",
        f"nothing is left of the tree at the cut: {files.code} file(s) of code, {files.prose} of prose",
        "see what was removed and why with `inhouse status --removed`",
    )


def _check_heldout(found: Sequence[Candidate], settings: Settings) -> None:
    if any(not candidate.removed for candidate in found):
        return
    account = item_account(found)
    reasons = ", ".join(f"{number} {reason}" for reason, number in account["removed"].items())
    held = f"{account['candidates']} run(s) of new code in {account['commits']} commit(s)"
    raise UserMistake(
        "the held-out period must hold new code to be measured on",
        held + (f", all removed: {reasons}" if reasons else ""),
        f"hold out more with split.months: {2 * settings.split.months} in inhouse.yaml",
    )


def _removed(candidate: Candidate) -> Removed:
    item = candidate.item
    return Removed(
        item.id,
        item.commit,
        item.path,
        item.split,
        candidate.removed,
        candidate.matched,
        candidate.similarity,
    )


def _validation_account(rows: Sequence[Example]) -> dict[str, int]:
    validation = [row for row in rows if row.split == "validation"]
    return {
        "rows": len(validation),
        "tokens": sum(len(row.input_ids) for row in validation),
        "tokens_with_loss": sum(sum(row.trained) for row in validation),
    }


def _say(account: dict[str, Any], progress: Progress) -> None:
    for kind, own in account["kinds"].items():
        progress.say(kind_line(kind, own))
    for name, own in account["benchmarks"].items():
        dropped = sum(number for how, number in own.items() if how.startswith("rows "))
        progress.say(f"{name}: {dropped} training row(s) dropped that repeat one of {own['items']} items")
    for period, own in account["items"].items():
        progress.say(item_sentence(period, own))
    progress.say(document_sentence(account["documents"]))
