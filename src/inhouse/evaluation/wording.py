"""Differences in words: what is better, by how much and how surely, or what could have shown.

A share is told in points of a hundred, anything else in its own unit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inhouse.evaluation.significance import SIGNIFICANCE
from inhouse.evaluation.statistics import MIN_COMMITS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["difference_sentence", "doubt", "numbers", "unseen"]


def difference_sentence(pair: str, found: Mapping[str, Any], unit: str = "") -> str:
    """Return a sentence on a difference of `evaluation.results`; `pair` is "first - second"."""
    first, second = pair.split(" - ")
    if found["value"] is None or found["commits"] < MIN_COMMITS:
        return (
            f"Whether {first} differs from {second} cannot be told from {found['n']} tasks of "
            f"{found['commits']} files or commits: an interval to be trusted takes {MIN_COMMITS}."
        )
    if found["low"] == found["high"] == 0:
        return f"In all {found['n']} tasks {first} and {second} come out the same."
    told = numbers(found, unit)
    if not found["better"]:
        against = doubt(found["low"], found["high"], found["p"])
        return f"No difference shows between {first} and {second} ({told}; {unseen(found, unit)}{against})."
    worse = second if found["better"] == first else first
    return f"{found['better']} is better than {worse} ({told}; {_surely(found)})."


def numbers(found: Mapping[str, Any], unit: str = "") -> str:
    """Return value, interval and n of a difference."""
    if found["low"] is None:
        return f"{found['n']} tasks have no interval"
    scale, digits = (1, 3) if unit else (100, 1)
    value, low, high = (scale * found[key] + 0.0 for key in ("value", "low", "high"))
    return (
        f"{value:+.{digits}f} {unit or 'points'}, 95% interval {low:+.{digits}f} to {high:+.{digits}f}, "
        f"n={found['n']}"
    )


def unseen(found: Mapping[str, Any], unit: str = "") -> str:
    """Return the smallest effect that could have shown."""
    smallest = found["detectable"]
    if smallest is None:
        return "no effect of any size could have shown"
    if smallest == 0:
        return "all tasks came out the same"
    shown = f"{smallest:.3f} {unit}" if unit else f"{100 * smallest:.1f} points"
    return f"an effect below {shown} would not show"


def doubt(low: float, high: float, p: float) -> str:
    """Return what is added to an interval that excludes zero where the difference is still not sure."""
    if low <= 0 <= high or p <= SIGNIFICANCE:
        return ""
    return f"; p={p:.2g} speaks against what the interval says"


def _surely(found: Mapping[str, Any]) -> str:
    p, corrected = found["p"], found["p_holm"]
    if corrected is None or corrected == p:
        return f"p={p:.2g}"
    verdict = "" if corrected <= SIGNIFICANCE else ", which all suites together do not support"
    return f"p={p:.2g}, over all suites {corrected:.2g}{verdict}"
