"""What the pages have in common: style, names of arms and measures, an answer beside its reference."""

from __future__ import annotations

import difflib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from inhouse.reporting.plots import Interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "ARM_TITLES",
    "MEASURE_TITLES",
    "arm_order",
    "bits_tone",
    "environment",
    "interval_of",
    "marked",
    "pair_title",
    "style",
    "write_page",
]

ARM_TITLES = {
    "base": "base",
    "prompted": "prompted",
    "retrieval": "retrieval",
    "tuned": "tuned",
    "tuned_retrieval": "tuned + retrieval",
}
MEASURE_TITLES = {
    "bits_per_byte": "bits per byte",
    "next_token_accuracy": "next token right",
    "statement_exact": "next statement exact",
    "statement_identifiers": "identifiers right",
}
_TEMPLATES = Path(__file__).parent / "templates"
_RIGHT, _WRONG = Markup("<ins>{}</ins>"), Markup("<del>{}</del>")
_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")


@cache
def environment() -> Environment:
    """Return the templates; everything that they show is escaped."""
    return Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )


def style(*names: str) -> Markup:
    """Return style sheets of this room, to stand inside a page."""
    sheets = ((_TEMPLATES / name).read_text(encoding="utf-8") for name in names)
    return Markup("".join(sheets))  # noqa: S704 - our own files


def write_page(path: Path, page: str) -> None:
    """Write a page, whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(page, encoding="utf-8", errors="replace")
    temporary.replace(path)


def pair_title(pair: str) -> str:
    """Return "tuned - base" as people read it."""
    first, second = pair.split(" - ")
    return f"{ARM_TITLES.get(first, first)} − {ARM_TITLES.get(second, second)}"


def arm_order(arm: str) -> int:
    """Return the place of an arm among the others."""
    return list(ARM_TITLES).index(arm) if arm in ARM_TITLES else len(ARM_TITLES)


def interval_of(name: str, found: Mapping[str, Any], tone: str, scale: float = 1.0) -> Interval | None:
    """Return an estimate, as results hold it, to be drawn; None where it has no interval."""
    if found["low"] is None:
        return None
    value, low, high = (scale * found[key] + 0.0 for key in ("value", "low", "high"))  # no minus before a 0
    return Interval(name, value, low, high, found["n"], tone)


def bits_tone(difference: Mapping[str, Any]) -> str:
    """Return "good" or "bad" where a difference of bits is sure; fewer are better."""
    return {-1: "good", 0: "plain", 1: "bad"}[difference["sure"]]


def marked(answer: str, reference: str) -> Markup:
    """Return an answer with what stands in the reference marked as inserted and the rest as deleted."""
    words, wanted = _TOKEN.findall(answer), _TOKEN.findall(reference)
    matched = difflib.SequenceMatcher(None, words, wanted, autojunk=False).get_matching_blocks()
    right = {place for block in matched for place in range(block.a, block.a + block.size)}
    pieces = _pieces((word, place in right) for place, word in enumerate(words))
    return Markup("").join(pieces) or Markup("<span class='quiet'>(nothing)</span>")


def _pieces(words: Iterable[tuple[str, bool]]) -> Iterable[Markup]:
    for word, right in words:
        yield escape(word) if word.isspace() else (_RIGHT if right else _WRONG).format(word)
