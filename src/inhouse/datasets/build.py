"""The dataset stage: rows to train on, items to be measured on, and what became of everything else.

examples.parquet     Example: training rows, in the order of training; then validation rows
items.parquet        Item: validation, then held-out; oldest commit first
removed.parquet      Removed: the candidates that are no items, and why
accounting.json      every token and every candidate
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inhouse.config import BUDGETS
from inhouse.datasets.accounting import item_account, item_sentence, kind_line
from inhouse.datasets.evaluated import evaluated
from inhouse.datasets.material import Material, TrainingFiles
from inhouse.datasets.rows import RowMaker, row_length
from inhouse.errors import UserMistake
from inhouse.languages import CODE
from inhouse.records import Example, Item
from inhouse.shards import write_json, write_records

if TYPE_CHECKING:
    from collections.abc import Sequence
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
    found = evaluated(material, training, tokenizer, settings, progress)
    _check_heldout(found["heldout"], settings)
    rows = [*training, *maker.validation(found["validation"], training)]
    every = [*found["validation"], *found["heldout"]]
    write_records(folder / "examples.parquet", rows, Example)
    write_records(folder / "items.parquet", (each.item for each in every if not each.removed), Item)
    write_records(folder / "removed.parquet", (_removed(each) for each in every if each.removed), Removed)
    account = {
        "budget": settings.budget,
        "tokens_allowed": BUDGETS[settings.budget].trained,
        "row_length": row_length(settings),
        "kinds": maker.account(),
        "skipped": maker.skipped(),
        "training_files": {"code": files.code, "prose": files.prose, "bytes": files.bytes},
        "validation": _validation_account(rows),
        "items": {split: item_account(candidates) for split, candidates in found.items()},
    }
    write_json(folder / "accounting.json", account)
    _say(account, progress)


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
    for period, own in account["items"].items():
        progress.say(item_sentence(period, own))
