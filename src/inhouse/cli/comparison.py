"""The comparison as the terminal shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inhouse.cli.common import print_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["print_comparison"]

_MEASURES = {
    "bits_per_byte": "bits per byte",
    "next_token_accuracy": "next token",
    "statement_exact": "next statement",
    "statement_identifiers": "identifiers",
}


def print_comparison(result: Mapping[str, Any], budget: str) -> None:
    """Print arms, differences and verdict; `result` holds "arms", "differences" and "verdict"."""
    print()
    print(f"Code written after the cut, budget {budget} (95% intervals, resampled by commit):")
    rows = [
        {"arm": arm, **{title: _value(measures.get(key)) for key, title in _MEASURES.items()}}
        for arm, measures in result["arms"].items()
    ]
    print_rows(rows, ["arm", *_MEASURES.values()])
    print()
    print("Differences in bits per byte (negative: the first is better):")
    differences = [
        {"difference": name, "bits per byte": _value(measures["bits_per_byte"], signed=True)}
        for name, measures in result["differences"].items()
    ]
    print_rows(differences, ["difference", "bits per byte"])
    print()
    print(result["verdict"])
    print()


def _value(measure: Mapping[str, Any] | None, *, signed: bool = False) -> str:
    if not measure or measure.get("value") is None:
        return "-"
    sign = "+" if signed else ""
    value, low, high = (f"{measure[key]:{sign}.3f}" for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}] n={measure['n']}"
