"""The report of a run: one HTML file with everything in it, from the verdict down to the manifest.

Every function below turns one part of the result into what the template shows; the template only lays out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from inhouse import __version__
from inhouse.reporting.page import (
    ARM_TITLES,
    MEASURE_TITLES,
    bits_tone,
    environment,
    interval_of,
    marked,
    pair_title,
    style,
    write_page,
)
from inhouse.reporting.plots import Curve, curves_svg, interval_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from inhouse.records import Split

__all__ = ["Report", "render", "write_report"]

_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Report:
    """What the page is made from; each mapping is the JSON file of the stage that it is named after."""

    repository: str
    budget: str
    split: Split
    history: Mapping[str, Any]
    corpus: Mapping[str, Any]
    accounting: Mapping[str, Any]
    recipe: Mapping[str, Any]
    reasons: Mapping[str, str]
    estimate: Mapping[str, Any]
    training: Mapping[str, Any]
    training_measured: Mapping[str, Any]
    first_batch: Mapping[str, Any]
    summary: Mapping[str, Any]
    samples: Mapping[str, Any]
    manifest: Mapping[str, Any]
    costs: Mapping[str, Mapping[str, float]]


def write_report(report: Report, path: Path) -> None:
    """Write the page, whole or not at all."""
    write_page(path, render(report))


def render(report: Report) -> str:
    """Return the page as one HTML document without any outside reference."""
    template = environment().get_template("report.html")
    return template.render(
        report=report,
        version=__version__,
        css=style("report.css"),
        cut_date=_date(report.split.cut_date),
        **_comparison(report.summary),
        retention=_retention(report.summary["retention"]),
        corpus=_corpus(report.corpus),
        **_dataset(report.accounting),
        **_training(report),
        samples=_samples(report.samples),
        first_batch=_first_batch(report.first_batch),
        costs=_costs(report.costs),
        manifest=json.dumps(report.manifest, indent=1, sort_keys=True),
    )


# ------------------------------------------------------------------ the comparison


def _comparison(summary: Mapping[str, Any]) -> dict[str, Any]:
    arms = [
        interval_of(ARM_TITLES.get(arm, arm), measures["bits_per_byte"], "plain")
        for arm, measures in summary["arms"].items()
    ]
    differences = [
        interval_of(pair_title(name), measures["bits_per_byte"], bits_tone(measures["bits_per_byte"]))
        for name, measures in summary["differences"].items()
    ]
    own, _, general = summary["verdict"].partition(". ")
    return {
        "summary": summary,
        "verdict": {"own": f"{own}." if general else own, "general": general},
        "tiles": _tiles(summary),
        "arms": interval_rows([row for row in arms if row], zero=False),
        "differences": interval_rows([row for row in differences if row], zero=True),
        "measures": list(MEASURE_TITLES.values()),
        "measure_rows": [
            {"name": ARM_TITLES.get(arm, arm), "cells": [_cell(measures.get(key)) for key in MEASURE_TITLES]}
            for arm, measures in summary["arms"].items()
        ],
        "breakdowns": [_breakdown(summary, *what) for what in _BREAKDOWNS if len(summary[what[0]]) > 1],
    }


_BREAKDOWNS = (("by_month", "By month of the commit", "month"), ("by_language", "By language", "language"))


def _tiles(summary: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the figures that a reader in a hurry takes away."""
    differences, arms = summary["differences"], summary["arms"]
    tiles = [
        _change_tile("tuning, against the base", differences["tuned - base"], arms["base"]),
        _change_tile(
            "tuning, on top of retrieval", differences["tuned_retrieval - retrieval"], arms["retrieval"]
        ),
    ]
    general = summary["retention"]
    kept = _change_tile(
        "general code, tuned against base",
        {"bits_per_byte": general["difference"]},
        {"bits_per_byte": general["base"]},
    )
    items = summary["items"]
    note = f"of {items['commits']} commits, none seen in training"
    size = {"name": "held-out items", "value": str(items["scored"]), "tone": "plain", "note": note}
    return [*tiles, kept, size]


def _change_tile(name: str, difference: Mapping[str, Any], against: Mapping[str, Any]) -> dict[str, str]:
    change, base = difference["bits_per_byte"], against["bits_per_byte"]
    if change["value"] is None or not base["value"]:
        return {"name": name, "value": "unknown", "tone": "plain", "note": "nothing was measured"}
    percent = {key: 100 * change[key] / base["value"] for key in ("value", "low", "high")}
    note = f"bits per byte, 95% interval {percent['low']:+.1f}% to {percent['high']:+.1f}%"
    return {"name": name, "value": f"{percent['value']:+.1f}%", "tone": bits_tone(change), "note": note}


def _cell(measure: Mapping[str, Any] | None) -> dict[str, str]:
    if not measure or measure["value"] is None:
        return {"value": "–", "interval": ""}
    return {
        "value": f"{measure['value']:.3f}",
        "interval": f"{measure['low']:.3f} to {measure['high']:.3f}, n={measure['n']}",
    }


def _breakdown(summary: Mapping[str, Any], key: str, title: str, column: str) -> dict[str, Any]:
    groups = summary[key]
    arms = list(summary["arms"])
    rows = [
        [
            name,
            *(_cell(group["arms"][arm])["value"] for arm in arms),
            _cell(group["tuned - base"])["interval"],
        ]
        for name, group in groups.items()
    ]
    return {
        "title": title,
        "columns": [column, *(ARM_TITLES[arm] for arm in arms), "tuned − base"],
        "rows": rows,
    }


def _retention(retention: Mapping[str, Any]) -> dict[str, Any]:
    rows = [
        interval_of("base", retention["base"], "plain"),
        interval_of("tuned", retention["tuned"], bits_tone(retention["difference"])),
    ]
    return {
        "sentence": retention["sentence"],
        "corpus": retention["corpus"],
        "rows": interval_rows([row for row in rows if row], zero=False),
    }


# ------------------------------------------------------------------ what went in


def _corpus(counts: Mapping[str, Any]) -> dict[str, Any]:
    removed = sorted(counts["removed"].items(), key=lambda pair: (-pair[1], pair[0]))
    total = sum(number for _, number in removed)
    return {
        "sentence": f"{counts['in']:,} documents came in: {counts['kept']:,} kept, {total:,} removed.",
        "parts": [{"name": name, "n": number} for name, number in [("kept", counts["kept"]), *removed]],
        "removed": [{"name": name.replace("_", " "), "n": number} for name, number in removed],
    }


_TOKEN_COLUMNS = {
    "rows": "rows",
    "tokens_seen": "tokens seen",
    "tokens_kept": "kept",
    "tokens_left_out": "left out by the budget",
    "tokens_truncated": "truncated",
    "tokens_dropped": "dropped",
    "tokens_with_loss": "with loss",
    "windowed": "files cut into windows",
}


def _dataset(accounting: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "tokens": {
            "columns": ["kind", *_TOKEN_COLUMNS.values()],
            "rows": [
                [kind, *(f"{row[column]:,}" for column in _TOKEN_COLUMNS)]
                for kind, row in accounting["kinds"].items()
            ],
        },
        "items": [_items_sentence(period, found) for period, found in accounting["items"].items()],
    }


def _items_sentence(period: str, found: Mapping[str, Any]) -> str:
    removed = ", ".join(f"{number:,} {reason}" for reason, number in found["removed"].items())
    name = {"heldout": "Held-out period", "validation": "Validation period"}.get(period, period)
    return (
        f"{name}: {found['candidates']:,} runs of new code in {found['commits']:,} commits, "
        f"{found['kept']:,} kept as items from {found['commits_kept']:,} commits"
        + (f"; not kept: {removed}." if removed else ".")
    )


# ------------------------------------------------------------------ training


def _training(report: Report) -> dict[str, Any]:
    course = report.training
    curves = [
        Curve("training", _smoothed([(step["step"], step["loss"]) for step in course["steps"]])),
        Curve("validation", [(point["step"], point["loss"]) for point in course["validations"]]),
    ]
    return {
        "curves": curves_svg([curve for curve in curves if curve.points], "step", "loss (nats per token)"),
        "training_sentence": course["ending"],
        "recipe": [
            {"name": name.replace("_", " "), "value": _plain(value), "why": report.reasons.get(name, "")}
            for name, value in report.recipe.items()
        ],
        "measured_rows": _measured_rows(report.estimate, report.training_measured),
    }


def _smoothed(points: Sequence[tuple[float, float]], keep: float = 0.7) -> list[tuple[float, float]]:
    """Return an exponential moving average: single steps jump with the text that they happen to see."""
    smooth: list[tuple[float, float]] = []
    for x, y in points:
        before = smooth[-1][1] if smooth else y
        smooth.append((x, keep * before + (1 - keep) * y))
    return smooth


def _measured_rows(estimate: Mapping[str, Any], measured: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return estimate beside measurement, for what both know."""
    memory, seconds = estimate["training"]["total_bytes"], estimate["training"]["seconds"]
    taken = measured["training_seconds"] + measured["validation_seconds"]
    used = measured["memory_bytes"]
    return [
        {
            "name": "memory of the training",
            "estimated": _megabytes(memory),
            "measured": _megabytes(used) if used else "not measured (resumed)",
        },
        {"name": "time of the training", "estimated": f"{seconds:,.0f} s", "measured": f"{taken:,.0f} s"},
        {
            "name": "tokens a second",
            "estimated": "",
            "measured": f"{measured['tokens_per_second']:,.0f} on {measured['device']}",
        },
    ]


def _megabytes(number: float) -> str:
    return f"{number / _MEGABYTE:,.0f} MB"


def _plain(value: Any) -> str:
    return ", ".join(str(part) for part in value) if isinstance(value, list | tuple) else str(value)


# ------------------------------------------------------------------ samples


def _samples(samples: Mapping[str, Any]) -> list[dict[str, Any]]:
    titles = {"best": "Gained most", "worst": "Gained least or lost"}
    return [{"title": titles[key], "entries": [_sample(entry) for entry in samples[key]]} for key in titles]


def _sample(sample: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{key: sample[key] for key in ("path", "commit", "message", "prefix", "target", "retrieved")},
        "gain": f"{sample['gain']:+.3f}",
        "sides": [_side(name, arm, sample["statement"]) for name, arm in sample["arms"].items()],
    }


def _side(name: str, arm: Mapping[str, Any], reference: str) -> dict[str, Any]:
    answer = arm["answer"]
    shown = (
        Markup("<span class='quiet'>not generated</span>") if answer is None else marked(answer, reference)
    )
    return {"arm": ARM_TITLES.get(name, name), "bits": f"{arm['bits_per_byte']:.3f}", "answer": shown}


def _first_batch(batch: Mapping[str, Any]) -> dict[str, Any]:
    documents = [document for row in batch["rows"] for document in row["documents"]]
    shown = Markup("<hr>").join(_document(document["tokens"]) for document in documents)
    return {"tokens": batch["tokens_shown"], "rows_left_out": batch["rows_left_out"], "html": shown}


def _document(tokens: Sequence[tuple[str, bool]]) -> Markup:
    """Return a document's tokens with those that carry loss shaded, neighbours of one kind together."""
    runs = [
        (learnt, "".join(text for text, _ in run))
        for learnt, run in groupby(tokens, key=lambda pair: pair[1])
    ]
    return Markup("").join(
        Markup("<span class='learnt'>{}</span>").format(text) if learnt else escape(text)
        for learnt, text in runs
    )


# ------------------------------------------------------------------ costs


def _costs(costs: Mapping[str, Mapping[str, float]]) -> list[dict[str, str]]:
    return [
        {
            "name": stage,
            "seconds": f"{cost['seconds']:.1f}",
            "memory": f"{cost['peak_memory_bytes'] / _MEGABYTE:,.0f} MB",
        }
        for stage, cost in costs.items()
    ]


def _date(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%-d %B %Y}"
