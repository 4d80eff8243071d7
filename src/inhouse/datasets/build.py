"""The dataset stage: rows to train on, items to be measured on, and what became of everything else.

examples.parquet             Example: training rows, in the order of training; then validation rows
items.parquet                Item: validation, then held-out; oldest commit first
removed.parquet              Removed: the candidates that are no items, and why
documents.parquet            Item: prose of the held-out period, oldest first; no part of the comparison
documents_removed.parquet    Removed: the same for them
preferences.parquet          Preference: code that was wrong and what took its place; with critiques only
contamination.parquet        BenchmarkHit: rows and pairs that were dropped because they repeat a benchmark
overlap.parquet              BenchmarkHit: training rows that share something with a held-out item; both stay
review.html, review.csv      a sample of the training rows for people, and a file for their decisions
canaries.json                made-up secrets among the training rows, where the settings ask for some
accounting.json              every token and every candidate
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from inhouse.datasets.accounting import (
    document_account,
    document_sentence,
    item_account,
    item_sentence,
    kind_line,
    truncated_share,
)
from inhouse.datasets.contamination import Seen
from inhouse.datasets.decontamination import BenchmarkHit, Benchmarks
from inhouse.datasets.evaluated import evaluated, newer_documents
from inhouse.datasets.material import Material, TrainingFiles
from inhouse.datasets.negatives import Preference
from inhouse.datasets.review import sampled, write_review
from inhouse.datasets.rows import RowMaker, row_length
from inhouse.datasets.screening import PREFERENCE, VALIDATION
from inhouse.datasets.spill import write_examples
from inhouse.datasets.split import hold_out_more
from inhouse.errors import UserMistake
from inhouse.languages import CODE
from inhouse.records import Item
from inhouse.shards import write_json, write_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from inhouse.config import Settings
    from inhouse.datasets.candidates import Candidate
    from inhouse.datasets.spill import Rows
    from inhouse.models.tokenizer import Tokenizer
    from inhouse.progress import Progress
    from inhouse.records import Example

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
    maker = RowMaker(tokenizer, repository, settings)
    with maker.open(folder, corpus) as shop:
        material = Material(history, corpus, folder)
        files = TrainingFiles(material)
        training = maker.training(material, files, shop, progress)
    _check_training(files, training, maker.skipped())
    seen = Seen()
    found = evaluated(material, training, tokenizer, settings, progress, seen)
    _check_heldout(found["heldout"], hold_out_more(settings.split, repository))
    documents = newer_documents(material, seen, tokenizer, settings, progress)
    validation = maker.validation(found["validation"], training.tokens)
    write_examples(folder / "examples.parquet", training, validation)
    pairs = maker.preferences()
    if pairs is not None:
        write_records(folder / "preferences.parquet", pairs, Preference)
    _write_items(folder / "items.parquet", folder / "removed.parquet", chain(*found.values()))
    _write_items(folder / "documents.parquet", folder / "documents_removed.parquet", documents)
    write_records(folder / "contamination.parquet", maker.benchmarks.hits, BenchmarkHit)
    rows = training.once()
    overlap = _overlap(found["heldout"], rows)
    write_records(folder / "overlap.parquet", overlap.hits, BenchmarkHit)
    sample = sampled(rows, settings.dataset.review_share, settings.seed)
    write_review(folder, sample, tokenizer, maker.likelihood.extremes())
    maker.planted.write(folder)
    account = {
        "budget": settings.budget,
        "tokens_allowed": settings.training_tokens,
        "row_length": row_length(settings),
        "kinds": maker.account(),
        "skipped": maker.skipped(),
        "benchmarks": maker.benchmarks.account(),
        "overlap": overlap.account(),
        "training_files": {"code": files.code, "prose": files.prose, "bytes": files.bytes},
        "validation": _validation_account(validation) | {"dropped": maker.screen.account(VALIDATION)},
        "items": {split: item_account(candidates) for split, candidates in found.items()},
        "documents": document_account(documents),
    }
    account |= maker.replayed() | maker.infill() | maker.likelihood.account()
    if pairs is not None:
        account["preferences"] = {"pairs": len(pairs), "dropped": maker.screen.account(PREFERENCE)}
    write_json(folder / "accounting.json", account)
    _say(account, progress)


def _overlap(heldout: Iterable[Candidate], rows: Iterable[Example]) -> Benchmarks:
    """Return the held-out items, looked at like a benchmark, with what the rows share with them."""
    overlap = Benchmarks.of_heldout(each.item for each in heldout if not each.removed)
    for row in rows:
        overlap.find(row)
    return overlap


def _write_items(kept: Path, removed: Path, candidates: Iterable[Candidate]) -> None:
    found = list(candidates)
    write_records(kept, (each.item for each in found if not each.removed), Item)
    write_records(removed, (_removed(each) for each in found if each.removed), Removed)


def _check_training(files: TrainingFiles, rows: Rows, skipped: dict[str, dict[str, int]]) -> None:
    if files.code and rows:
        return
    reasons = sum(map(Counter, skipped.values()), Counter[str]())
    if files.code and reasons:
        told = ", ".join(f"{number} {reason}" for reason, number in reasons.most_common())
        raise UserMistake(
            "a dataset needs rows to train on",
            f"of {files.code} file(s) of code none gave a row ({told})",
            "loosen dataset.filters, or name other dataset.kinds",
        )
    known = ", ".join(CODE)
    raise UserMistake(
        f"training needs code in a language that inhouse knows ({known})",
        f"nothing is left of the tree at the cut: {files.code} file(s) of code, {files.prose} of prose",
        "see what was removed and why with `inhouse status --removed`",
    )


def _check_heldout(found: Sequence[Candidate], more: str) -> None:
    if any(not candidate.removed for candidate in found):
        return
    account = item_account(found)
    reasons = ", ".join(f"{number} {reason}" for reason, number in account["removed"].items())
    held = f"{account['candidates']} run(s) of new code in {account['commits']} commit(s)"
    raise UserMistake(
        "the held-out period must hold new code to be measured on",
        held + (f", all removed: {reasons}" if reasons else ""),
        f"hold out more with {more} in inhouse.yaml",
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


def _validation_account(rows: Sequence[Example]) -> dict[str, Any]:
    return {
        "rows": len(rows),
        "tokens": sum(len(row.input_ids) for row in rows),
        "tokens_with_loss": sum(sum(row.trained) for row in rows),
    }


def _say(account: dict[str, Any], progress: Progress) -> None:
    for kind, own in account["kinds"].items():
        progress.say(kind_line(kind, own))
    (share, _), length = truncated_share(account["kinds"]), account["row_length"]
    progress.say(f"{share:.1%} of what could be learnt does not fit into rows of {length} tokens")
    for name, own in account["benchmarks"].items():
        dropped = sum(number for how, number in own.items() if how.startswith("rows "))
        progress.say(f"{name}: {dropped} row(s) dropped that repeat one of {own['items']} items")
    for period, own in account["items"].items():
        progress.say(item_sentence(period, own))
    progress.say(document_sentence(account["documents"]))
