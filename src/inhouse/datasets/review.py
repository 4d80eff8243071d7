"""Review: a sample of the training rows laid out for people, and what they decided of them.

review.html    the rows of the sample as a page, how to decide, and the rows that the base model finds most
               and least likely, where it was asked
review.csv     id, kind, decision, note: a row each. Copied, filled in with "keep" or "drop" and named in
               `dataset.review`, it takes the dropped rows out of the next build

A row keeps its id for as long as its tokens, its place and its sources stay the same.
"""

from __future__ import annotations

import csv
import heapq
import html
import math
from typing import TYPE_CHECKING

from inhouse.digests import digest_json
from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from inhouse.datasets.likelihood import Rated
    from inhouse.models.tokenizer import Tokenizer
    from inhouse.records import Example

__all__ = ["read_drops", "sampled", "write_review"]

_COLUMNS = ("id", "kind", "decision", "note")
_DECISIONS = ("", "keep", "drop")
_STYLE = """
:root { color-scheme: light dark;
  --back: #fff; --ink: #1a1a1a; --soft: #5f6368; --box: #f5f5f3; --mark: #dff0dc }
@media (prefers-color-scheme: dark) {
  :root { --back: #161616; --ink: #e8e8e8; --soft: #a0a0a0; --box: #222; --mark: #1f3a24 }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back);
  max-width: 52rem; margin: 0 auto; padding: 1.5rem 1rem 4rem }
h1 { font-size: 1.5rem; line-height: 1.25 } h2 { font-size: 1.2rem; margin-top: 2.5rem }
h3 { font-size: 1rem; margin: 2rem 0 0 }
code, pre { font: 13px/1.45 ui-monospace, monospace }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--box); padding: .8rem;
  border-radius: 6px }
.about { color: var(--soft); font-size: .85rem; margin: .1rem 0; overflow-wrap: anywhere }
.plain { color: var(--soft) } .learnt { background: var(--mark) }
li { margin: .4rem 0 }
"""
_HOW = """
<h2>How to decide</h2>
<p>Text on a <span class="learnt">coloured ground</span> is what the model learns to write; what is
<span class="plain">grey</span> it only reads. Would you want to read it from your own model?</p>
<ol>
<li>Copy <code>review.csv</code>, which lies beside this page, to a place of your own, such as beside
<code>inhouse.yaml</code>. The page and its folder are never changed.</li>
<li>In the copy, write <code>drop</code> into the column <code>decision</code> of each row that should not be
trained on; <code>keep</code>, or nothing, leaves it in. <code>note</code> is for you. Any other row of the
dataset can be dropped too: add a line with its whole id.</li>
<li>Name the copy in <code>inhouse.yaml</code> (a path that does not begin with / counts from where inhouse is
started):<pre>dataset:
  review: review.csv</pre></li>
<li>Build again: <pre>inhouse dataset build
inhouse dataset stats</pre> The second tells how many rows were <q>dropped in review</q>.</li>
</ol>
<p class="about"><code>inhouse dataset show ID</code> prints a row with the files and commits behind it; the
first twelve letters of an id will do. A row keeps its id while its tokens, its place and its sources stay the
same.</p>
"""
_LIKELY = """
<h2>Least and most likely rows</h2>
<p>By the base model's bits per byte of what a row teaches, of the rows that were scored. The least likely are
often data, noise or another language; the most likely repeat what the model knows, or themselves. What is
dropped of them is decided by <code>dataset.filters.perplexity_window</code>.</p>
"""


def sampled(rows: Sequence[Example], share: float, seed: int) -> list[Example]:
    """Return a share of the rows, at least one if there is any, in an order that the seed decides."""
    wanted = math.ceil(share * len(rows))
    return heapq.nsmallest(wanted, rows, key=lambda row: digest_json(["review", seed, row.id]))


def write_review(
    folder: Path,
    rows: Sequence[Example],
    tokenizer: Tokenizer,
    extremes: tuple[Sequence[Rated], Sequence[Rated]] = ((), ()),
) -> None:
    """Write the page and the file for decisions; what carries no loss is grey.

    `extremes` are the least and the most likely rows, where any were scored.
    """
    with (folder / "review.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows((row.id, row.kind, "", "") for row in rows)
    page = _page(rows, tokenizer, extremes)
    (folder / "review.html").write_text(page, encoding="utf-8")


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


def _page(
    rows: Sequence[Example], tokenizer: Tokenizer, extremes: tuple[Sequence[Rated], Sequence[Rated]]
) -> str:
    title = f"{len(rows)} training row{'s' if len(rows) != 1 else ''} to review"
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>{_HOW}<h2>The rows</h2>",
    ]
    parts += [_shown(row, tokenizer, f"{number}. {row.kind}") for number, row in enumerate(rows, start=1)]
    if any(extremes):
        parts.append(_LIKELY)
        for name, found in zip(("Least", "Most"), extremes, strict=True):
            parts += [_shown(each.row, tokenizer, _rated(name, each)) for each in found]
    return "\n".join(parts) + "\n"


def _rated(name: str, rated: Rated) -> str:
    dropped = ", dropped" if rated.reason else ""
    return f"{name} likely {rated.row.kind}: {rated.bits:.3f} bits per byte{dropped}"


def _shown(row: Example, tokenizer: Tokenizer, title: str) -> str:
    counts = f"{len(row.input_ids):,} tokens, {sum(row.trained):,} of them learnt"
    about = f"{counts}<br>id {row.id}<br>from {html.escape(', '.join(row.lineage))}"
    spans = "".join(
        _span(tokenizer.decode(ids, markers=True), trained=trained) for trained, ids in _runs(row)
    )
    return f'<h3>{html.escape(title)}</h3><p class="about">{about}</p><pre>{spans}</pre>'


def _span(text: str, *, trained: bool) -> str:
    return f'<span class="{"learnt" if trained else "plain"}">{html.escape(text)}</span>'


def _runs(row: Example) -> list[tuple[bool, list[int]]]:
    runs: list[tuple[bool, list[int]]] = []
    for id_, trained in zip(row.input_ids, row.trained, strict=True):
        if not runs or runs[-1][0] != trained:
            runs.append((trained, []))
        runs[-1][1].append(id_)
    return runs
