"""How likely documents are that came after the cut: items of prose, scored as held-out code is.

    scores-NNNNN.parquet       Score of every arm, eight items a shard: a killed run goes on behind the last

They stand in a file of their own in the dataset, and their scores in an artefact of their own: neither the
comparison nor its verdict or gates ever see them.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from inhouse.datasets.accounting import document_sentence
from inhouse.datasets.material import PROSE
from inhouse.datasets.prose import sample_prose
from inhouse.digests import digest_text
from inhouse.evaluation.likelihood import score_shards
from inhouse.languages import detect
from inhouse.records import Item
from inhouse.shards import read_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from inhouse.evaluation.arms import Arm, Bench
    from inhouse.records import Score

__all__ = ["SCORES", "example_passages", "newer_items", "score_newer", "why_none"]

SCORES = "scores"
"""Name of the shards."""

_BLANK = re.compile(r"\n[ \t]*\n")
_SENTENCE = re.compile(r"[a-z]{2}.*[a-z]{2}[.!?:](?:\s|$)", re.DOTALL)
_FEWEST, _MOST = 80, 400  # characters of an example: longer ones leave no room for the document
_EXAMPLES = 8  # of a language, offered; as many as fit are taken


def newer_items(dataset: Path, limit: int | None, seed: int) -> list[Item]:
    """Return the items of prose of a dataset, oldest first; of more than `limit` an even sample."""
    items = list(read_records(dataset, "documents", Item))
    return items if limit is None else sample_prose(items, limit, seed)


def score_newer(
    bench: Bench, items: Sequence[Item], arms: Sequence[Arm], texts: Mapping[str, Callable[[Item], str]]
) -> list[Score]:
    """Score all arms on the items, each with the same number of tokens before the target."""
    planned = [bench.cases(item, arms, texts) for item in items]
    return score_shards(bench, planned, SCORES, "newer documents")


def example_passages(files: Iterable[tuple[str, str]], seed: int) -> dict[str, list[str]]:
    """Return paragraphs of the documents of a tree, given as (path, text), by language, for the prompted arm.

    One of a file, in an order by digest.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for path, text in files:
        language = detect(path, text)
        if language in PROSE and (passages := _passages(text)):
            chosen = min(passages, key=lambda passage: digest_text(f"{seed} {passage}"))
            found.setdefault(language, []).append((digest_text(f"{seed} {path}"), chosen))
    return {language: [text for _, text in sorted(rows)[:_EXAMPLES]] for language, rows in found.items()}


def _passages(text: str) -> list[str]:
    paragraphs = (part.strip("\n") for part in _BLANK.split(text))
    return [f"{part}\n" for part in paragraphs if _FEWEST <= len(part) <= _MOST and _SENTENCE.search(part)]


def why_none(dataset: Path) -> str:
    """Return a sentence that says what became of the documents after the cut."""
    account = json.loads((dataset / "accounting.json").read_text(encoding="utf-8"))
    return document_sentence(account["documents"])
