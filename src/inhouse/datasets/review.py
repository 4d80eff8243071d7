"""Review: a sample of the training rows laid out for people, and what they decided of them.

review.html    the rows of the sample as a page
review.csv     id, kind, decision, note: a row each. Copied, filled in with "keep" or "drop" and named in
               `dataset.review`, it takes the dropped rows out of the next build

A row keeps its id for as long as its tokens, its place and its sources stay the same.
"""

from __future__ import annotations

import csv
import html
import math
from typing import TYPE_CHECKING

from inhouse.digests import digest_json
from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from inhouse.models.tokenizer import Tokenizer
    from inhouse.records import Example

__all__ = ["read_drops", "sampled", "write_review"]

_COLUMNS = ("id", "kind", "decision", "note")
_DECISIONS = ("", "keep", "drop")
_STYLE = (
    "body{font:15px sans-serif;max-width:60em;margin:2em auto}pre{white-space:pre-wrap;background:#f4f4f4;\
padding:1em}.plain{color:#777}"
)


def sampled(rows: Sequence[Example], share: float, seed: int) -> list[Example]:
    """Return a share of the rows, at least one if there is any, in an order that the seed decides."""
    ordered = sorted(rows, key=lambda row: digest_json(["review", seed, row.id]))
    return ordered[: math.ceil(share * len(rows))]


def write_review(folder: Path, rows: Sequence[Example], tokenizer: Tokenizer) -> None:
    """Write the page and the file for decisions; what carries no loss is grey."""
    with (folder / "review.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows((row.id, row.kind, "", "") for row in rows)
    title = f"{len(rows)} training rows to review"
    parts = [
        f"<!doctype html><meta charset=utf-8><title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>"
    ]
    parts += [_shown(row, tokenizer) for row in rows]
    (folder / "review.html").write_text("\n".join(parts) + "\n", encoding="utf-8")


def read_drops(path: Path | None) -> frozenset[str]:
    """Return the ids of the rows that were decided against; none without a file.

    Raises UserMistake for a file that does not exist or holds another decision than keep or drop.
    """
    if path is None:
        return frozenset()
    rule = "dataset.review names a copy of review.csv with keep, drop or nothing in the column decision"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [(row["id"], row["decision"].strip().lower()) for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, KeyError, AttributeError, csv.Error) as error:
        given = f"{path} ({type(error).__name__}: {error})"
        raise UserMistake(rule, given, "mend dataset.review in inhouse.yaml") from None
    wrong = next((decision for _, decision in rows if decision not in _DECISIONS), None)
    if wrong is not None:
        raise UserMistake(rule, f"{path} says {wrong!r}", "mend it and run again")
    return frozenset(name for name, decision in rows if decision == "drop")


def _shown(row: Example, tokenizer: Tokenizer) -> str:
    where = html.escape(", ".join(row.lineage))
    head = f"<h2>{html.escape(row.kind)}</h2><p>{row.id}<br>{len(row.input_ids)} tokens; {where}</p>"
    spans = "".join(
        _span(tokenizer.decode(ids, markers=True), trained=trained) for trained, ids in _runs(row)
    )
    return f"{head}<pre>{spans}</pre>"


def _span(text: str, *, trained: bool) -> str:
    return f'<span class="{"learnt" if trained else "plain"}">{html.escape(text)}</span>'


def _runs(row: Example) -> list[tuple[bool, list[int]]]:
    runs: list[tuple[bool, list[int]]] = []
    for id_, trained in zip(row.input_ids, row.trained, strict=True):
        if not runs or runs[-1][0] != trained:
            runs.append((trained, []))
        runs[-1][1].append(id_)
    return runs
