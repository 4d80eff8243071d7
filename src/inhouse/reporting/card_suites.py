"""The suites of a card: bars for arms and differences, what is better and worse, and what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inhouse.evaluation.wording import numbers, unseen
from inhouse.reporting.page import ARM_TITLES, MEASURE_TITLES, arm_order, interval_of, pair_title
from inhouse.reporting.plots import interval_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inhouse.reporting.card import Card

__all__ = ["changes", "in_order", "sides", "suite_title", "suite_view"]

_SUITE_TITLES = {
    "likelihood": "Likelihood of code written after the cut",
    "general_code": "Likelihood of general code",
}
_CHANGE_TITLES = {
    "likelihood": "Bits saved on code written after the cut",
    "general_code": "Bits saved on general code",
}
_SUITE_ORDER = (
    "likelihood",
    "execution",
    "general_code",
    "human_eval",
    "mbpp",
    "chat",
    "conventions",
    "static",
)


def in_order(results: Mapping[str, Any]) -> list[str]:
    """Return the suites in the order of the page: the company's own code, what may break, the rest."""
    known = {name: place for place, name in enumerate(_SUITE_ORDER)}
    return sorted(results, key=lambda name: (known.get(name, len(known)), name))


def suite_title(card: Card, suite: str) -> str:
    """Return how a suite is called on the page."""
    title = card.titles.get(suite) or _SUITE_TITLES.get(suite) or suite.replace("_", " ")
    return title[:1].upper() + title[1:]


# ------------------------------------------------------------------ all suites at a glance


def changes(card: Card) -> list[dict[str, Any]]:
    """Return what the released arm changes against the base in the leading measures of each suite.

    In points, or in percent of the base where the measure is no share; more is better in all of them. A
    measure that is no share is left out where the base has zero.
    """
    rows = []
    for suite in in_order(card.results):
        for measure in _leading(card.results[suite]):
            entry = card.results[suite][measure]
            pair = f"{_arm_of(entry, card.arm)} - base"
            found = entry["differences"].get(pair)
            if found and found["low"] is not None and (entry["arms"]["base"]["value"] or not entry["unit"]):
                rows.append(_change(entry, found) | {
                    "title": _CHANGE_TITLES.get(suite) or _variant(suite_title(card, suite), measure),
                    "tone": _tone(found, pair) if entry["discriminating"] else "faint",
                })  # fmt: skip
    return rows


def _change(entry: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    base = entry["arms"]["base"]["value"]
    factor = (-1 if entry["lower_is_better"] else 1) * (100 / base if entry["unit"] and base else 100.0)
    low, high = sorted((factor * found["low"], factor * found["high"]))
    value = factor * found["value"] + 0.0  # no minus before a zero
    return {"unit": entry["unit"], "value": value, "low": low + 0.0, "high": high + 0.0, "n": found["n"]}


def _variant(title: str, measure: str) -> str:
    _, _, variant = measure.partition(" (")
    return f"{title} ({variant}" if variant else title


def sides(card: Card) -> list[dict[str, Any]]:
    """Return what the adapter is good at, bad at, and what could not be told, against the base."""
    rows: dict[str, list[dict[str, str]]] = {"good": [], "bad": [], "plain": []}
    for suite in in_order(card.results):
        for measure, entry in card.results[suite].items():
            pair = f"{_arm_of(entry, card.arm)} - base"
            found = entry["differences"].get(pair)
            if found and found["low"] is not None:
                tone = _tone(found, pair) if entry["discriminating"] else "plain"
                name = f"{suite_title(card, suite)}: {_measure_title(measure)}"
                rows[tone].append({"name": name, "text": _side(entry, found, tone)})
    titles = {
        "good": "Surely better than the base",
        "bad": "Surely worse than the base",
        "plain": "No difference could be shown",
    }
    return [{"title": title, "tone": tone, "rows": rows[tone]} for tone, title in titles.items()]


def _side(entry: Mapping[str, Any], found: Mapping[str, Any], tone: str) -> str:
    if not entry["discriminating"]:
        return str(entry["reason"])
    told = numbers(found, entry["unit"]).replace("95% interval ", "")
    return told if tone != "plain" else f"{told}; {unseen(found, entry['unit'])}"


# ------------------------------------------------------------------ one suite


def suite_view(card: Card, name: str) -> dict[str, Any]:
    """Return a suite: its leading measures with bars, the others as rows of a table."""
    measures = card.results[name]
    leading = _leading(measures)
    others = [measure for measure in measures if measure not in leading]
    return {
        "id": f"suite-{name}",
        "title": suite_title(card, name),
        "leading": [_plotted(card, measure, measures[measure]) for measure in leading],
        "others": [_row(measure, measures[measure]) for measure in others],
        "arms": [arm for arm in ARM_TITLES if any(arm in measures[other]["arms"] for other in others)],
        "stamp": _stamp(card, name, measures),
    }


def _plotted(card: Card, measure: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return one measure with a bar for each arm and each difference."""
    scale, digits = (1, 3) if entry["unit"] else (100, 1)
    arms = [
        interval_of(ARM_TITLES.get(arm, arm), found, "released" if arm == card.arm else "plain", scale)
        for arm, found in sorted(entry["arms"].items(), key=lambda pair: arm_order(pair[0]))
    ]
    differences = [
        interval_of(pair_title(pair), found, _tone(found, pair), scale)
        for pair, found in entry["differences"].items()
    ]
    return {
        "title": _measure_title(measure),
        "direction": "lower is better" if entry["lower_is_better"] else "higher is better",
        "reason": entry["reason"],
        "arms": interval_rows(
            [row for row in arms if row], zero=False, digits=digits, unit="" if entry["unit"] else "%"
        ),
        "differences": interval_rows([row for row in differences if row], zero=True, digits=digits),
        "unit": entry["unit"] or "points",
        "sentences": [
            {"text": _arms_titled(found["sentence"]), "tone": _tone(found, pair)}
            for pair, found in entry["differences"].items()
            if pair in (f"{_arm_of(entry, card.arm)} - base", f"{card.arm} - retrieval")
        ],
    }


def _row(measure: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return one measure as a row of a table, by arm."""
    return {
        "name": _measure_title(measure) + (" (lower is better)" if entry["lower_is_better"] else ""),
        "faint": not entry["discriminating"],
        "cells": {arm: _cell(entry, found) for arm, found in entry["arms"].items()},
    }


def _cell(entry: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, str]:
    if found["low"] is None:
        return {"value": "–", "interval": f"n={found['n']}"}
    scale, digits, unit = (1, 3, "") if entry["unit"] else (100, 1, "%")
    value, low, high = (f"{scale * found[key]:.{digits}f}" for key in ("value", "low", "high"))
    return {"value": f"{value}{unit}", "interval": f"{low} to {high}, n={found['n']}"}


def _stamp(card: Card, name: str, measures: Mapping[str, Any]) -> str:
    """Return what every number of a suite needs beside it."""
    values = [found for entry in measures.values() for found in entry["arms"].values()]
    tasks, groups = (max((found[key] for found in values), default=0) for key in ("n", "commits"))
    how = card.measured.get(name)
    ran = [how.engine, f"sandbox {how.isolation}" if how.isolation else "nothing was run"] if how else []
    parts = [
        f"{tasks:,} tasks of {groups:,} files or commits",
        "95% intervals resampled by file or commit",
        f"seed {card.seed}",
        f"base {card.base_digest[:12]}",
        f"adapter {card.adapter_digest[:12]}",
        *ran,
    ]
    return " · ".join(part for part in parts if part)


def _leading(measures: Mapping[str, Any]) -> list[str]:
    return [name for name, entry in measures.items() if entry["leading"]] or sorted(measures)[:1]


def _arm_of(entry: Mapping[str, Any], arm: str) -> str:
    """Return the released arm, or tuned where a suite has nothing to retrieve for."""
    return arm if arm in entry["arms"] else "tuned"


def _tone(difference: Mapping[str, Any], pair: str) -> str:
    """Return "good" or "bad" where the first arm is better or worse with confidence."""
    if not difference["better"]:
        return "plain"
    return "good" if difference["better"] == pair.split(" - ")[0] else "bad"


def _measure_title(measure: str) -> str:
    return MEASURE_TITLES.get(measure, measure.replace("_", " "))


def _arms_titled(sentence: str) -> str:
    text = sentence.replace("tuned_retrieval", ARM_TITLES["tuned_retrieval"])
    return text[:1].upper() + text[1:]
