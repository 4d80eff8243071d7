"""What the template of the card shows: each function makes rows, bars and sentences of one part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inhouse import __version__
from inhouse.evaluation.statistics import RESAMPLES
from inhouse.reporting.card import Measured
from inhouse.reporting.card_likelihood import likelihood
from inhouse.reporting.card_suites import changes, in_order, sides, suite_title, suite_view
from inhouse.reporting.page import ARM_TITLES, environment, marked, style
from inhouse.reporting.plots import Interval, interval_rows

if TYPE_CHECKING:
    from inhouse.evaluation.advice import Advice
    from inhouse.evaluation.gates import GateOutcome
    from inhouse.reporting.card import Card, Sample

__all__ = ["render_card"]

_GATE_TITLES = {
    "private_gain": "private gain",
    "general_code": "general code",
    "human_eval": "HumanEval",
    "chat": "chat",
    "leaks": "leaks",
    "static": "static checks",
}
_MARKS = {True: ("passed", "good"), False: ("failed", "bad")}
_TILES = 3
_SHOWN_LINES = 60


def render_card(card: Card) -> str:
    """Return the page as one HTML document without script and without any outside reference."""
    page: str = (
        environment()
        .get_template("card.html")
        .render(
            card=card,
            arm=ARM_TITLES.get(card.arm, card.arm),
            arm_titles=ARM_TITLES,
            version=__version__,
            css=style("report.css", "card.css"),
            release=_release(card),
            tiles=_tiles(card),
            overview=_overview(card),
            gates=[_gate(outcome) for outcome in card.gates],
            advice=_advice(card.advice),
            sides=sides(card),
            suites=[suite_view(card, name) for name in in_order(card.results)],
            likelihood=likelihood(card.breakdown),
            samples=[_sample(card, sample) for sample in card.samples],
            how=_how(card),
            resamples=RESAMPLES,
        )
    )
    return page


# ------------------------------------------------------------------ may it be released?


def _release(card: Card) -> dict[str, str]:
    failed = [_GATE_TITLES.get(gate.name, gate.name) for gate in card.gates if gate.passed is False]
    unknown = [
        _GATE_TITLES.get(gate.name, gate.name) for gate in card.gates if gate.blocks and gate.passed is None
    ]
    also = f" Not told: {', '.join(unknown)}." if unknown else ""
    if not card.gates:
        return {"tone": "plain", "sentence": "No gate was checked.", "more": ""}
    if failed:
        count = f"{len(failed)} of {len(card.gates)} gates"
        return {
            "tone": "bad",
            "sentence": f"Do not release: {count} failed.",
            "more": f"Failed: {', '.join(failed)}.{also}",
        }
    if unknown:
        return {"tone": "plain", "sentence": "Not yet to be released.", "more": f"No gate failed.{also}"}
    allowed = [
        _GATE_TITLES.get(gate.name, gate.name) for gate in card.gates if gate.counts and gate.passed is None
    ]
    more = (
        f"Not told, as the settings allow: {', '.join(allowed)}."
        if allowed
        else "Every gate that counts passed."
    )
    return {"tone": "good", "sentence": "Ready to release.", "more": more}


def _gate(outcome: GateOutcome) -> dict[str, Any]:
    unknown = ("not told", "plain") if outcome.counts else ("gates nothing", "plain")
    mark, tone = unknown if outcome.passed is None else _MARKS[outcome.passed]
    return {
        "name": _GATE_TITLES.get(outcome.name, outcome.name),
        "mark": mark,
        "tone": tone,
        "sentence": _sentence(outcome.sentence),
        "rule": outcome.rule,
        "samples": [
            {
                "group": sample["group"],
                "task": sample["task"][:16],
                "first": _plain(sample["first"]),
                "second": _plain(sample["second"]),
                "note": sample["note"],
            }
            for sample in outcome.samples
        ],
    }


def _tiles(card: Card) -> list[dict[str, str]]:
    """Return the figures that a reader in a hurry takes away."""
    passed = sum(gate.passed is True for gate in card.gates)
    counted = sum(gate.counts for gate in card.gates)
    idle = f"{len(card.gates) - counted} gates nothing" if counted < len(card.gates) else "all of them count"
    tiles = [
        {
            "name": "gates passed",
            "value": f"{passed} of {counted}",
            "tone": _release(card)["tone"],
            "note": idle,
        }
    ]
    for row in changes(card)[:_TILES]:
        note = f"95% interval {row['low']:+.1f} to {row['high']:+.1f}, n={row['n']}"
        value = f"{row['value']:+.1f}{'%' if row['unit'] else ' points'}"
        tiles.append({"name": row["title"], "value": value, "tone": row["tone"], "note": note})
    return tiles


def _overview(card: Card) -> list[dict[str, Any]]:
    rows = changes(card)
    intervals = [Interval(r["title"], r["value"], r["low"], r["high"], r["n"], r["tone"]) for r in rows]
    drawn = interval_rows(intervals, zero=True, digits=1)
    units = ("%" if row["unit"] else "" for row in rows)
    return [shown | {"value": f"{shown['value']}{unit}"} for shown, unit in zip(drawn, units, strict=True)]


# ------------------------------------------------------------------ advice, samples, how


def _advice(advice: Advice) -> dict[str, Any]:
    arms = [arm for arm in ARM_TITLES if any(arm in one.failures for one in advice.evidence)]
    intervals = [
        Interval(
            name=_upper(one.what.replace("_", " ")),
            value=100 * one.share,
            low=100 * one.low,
            high=100 * one.high,
            n=int(one.failures[advice.arm][1]),
            tone="bad" if one.counts or one.worsened else "plain",
        )
        for one in advice.evidence
    ]
    return {
        "head": advice.sentence.partition(" (")[0].partition(" Tuning made worse")[0],
        "worse": [_upper(one.what) for one in advice.evidence if one.worsened],
        "arm": ARM_TITLES.get(advice.arm, advice.arm),
        "plot": interval_rows(intervals, zero=False, digits=0, unit="%"),
        "columns": ["failures of", *(ARM_TITLES[arm] for arm in arms)],
        "rows": [
            [_upper(one.what.replace("_", " ")), *(_failures(one.failures.get(arm)) for arm in arms)]
            for one in advice.evidence
        ],
    }


def _failures(found: tuple[float, float] | None) -> str:
    return "–" if found is None else f"{found[0]:g} of {found[1]:g}"


def _sample(card: Card, sample: Sample) -> dict[str, Any]:
    return {
        "suite": suite_title(card, sample.suite),
        "title": sample.title,
        "group": sample.group,
        "task": sample.task[:12],
        "prompt": sample.prompt,
        "reference": _shortened(sample.reference),
        "answers": [
            {
                "arm": ARM_TITLES.get(arm, arm),
                "text": marked(_shortened(answer.text), sample.reference),
                "mark": "" if answer.passed is None else "passed" if answer.passed else "failed",
                "tone": "plain" if answer.passed is None else "good" if answer.passed else "bad",
                "note": answer.note,
            }
            for arm, answer in sample.answers.items()
        ],
    }


def _shortened(text: str) -> str:
    lines = text.splitlines()
    left = len(lines) - _SHOWN_LINES
    return "\n".join([*lines[:_SHOWN_LINES], *([f"... {left} more lines"] if left > 0 else [])])


def _how(card: Card) -> list[list[str]]:
    rows = []
    for suite in in_order(card.results):
        values = [found for entry in card.results[suite].values() for found in entry["arms"].values()]
        how = card.measured.get(suite, Measured("", ""))
        most = [
            f"{max((found[key] for found in values), default=0):,}" for key in ("n", "commits", "samples")
        ]
        last = [how.engine or "–", how.isolation or "nothing was run", how.date or "–"]
        rows.append([suite_title(card, suite), *most, *last])
    return rows


def _sentence(text: str) -> str:
    return _upper(text) if text.endswith((".", "`")) else f"{_upper(text)}."


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
