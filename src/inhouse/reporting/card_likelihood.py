"""The likelihood of a card taken apart: over time, by kind of file and of name, and whether to believe it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inhouse.evaluation.breakdown import AGES
from inhouse.evaluation.measures import BITS
from inhouse.evaluation.statistics import MIN_COMMITS
from inhouse.reporting.page import ARM_TITLES, arm_order, bits_tone, interval_of
from inhouse.reporting.plots import Curve, curves_svg, interval_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["likelihood"]


def likelihood(breakdown: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the likelihood taken apart, or None where it was not."""
    if not breakdown:
        return None
    return {
        "drift": _drift(breakdown["drift"]["periods"]),
        "periods": _gains([(_period_title(p), p["tuned - base"]) for p in breakdown["drift"]["periods"]]),
        "trend": _trend(breakdown["drift"]["trend"]),
        "calibration": _calibration(breakdown["calibration"]),
        "groups": [
            {"title": title, **_group_table({name: groups[name] for name in order if name in groups})}
            for title, groups, order in (
                ("By language", breakdown["by_language"], sorted(breakdown["by_language"])),
                ("By age of the file", breakdown["by_age"], AGES),
            )
            if groups
        ],
        "identifiers": _gains(
            [(name, group["tuned - base"]) for name, group in breakdown["by_identifier"].items()]
        ),
    }


def _period_title(period: Mapping[str, Any]) -> str:
    """Return two dates, the year of the second only where it is another one."""
    first, last = period["from"], period["to"]
    return f"{first} – {last[5:] if last[:4] == first[:4] else last}"


def _drift(periods: Sequence[Mapping[str, Any]]) -> Any:
    if len(periods) < 2:
        return ""
    arms = sorted(periods[0]["arms"], key=arm_order)
    curves = [
        Curve(ARM_TITLES.get(arm, arm), [(p["months"], p["arms"][arm][BITS]["value"]) for p in periods])
        for arm in arms
    ]
    return curves_svg(curves, "months after the cut", "bits per byte")


def _gains(groups: Sequence[tuple[str, Mapping[str, Any]]]) -> list[dict[str, object]]:
    """Return tuned minus base of each group as a bar; lower is better."""
    rows = []
    for name, found in groups:
        rows.append(interval_of(name, found, bits_tone(found)))
    return interval_rows([row for row in rows if row], zero=True)


def _trend(trend: Mapping[str, Any]) -> str:
    if trend["value"] is None or trend["commits"] < MIN_COMMITS:
        return "Whether the gain wears off cannot be told from so few commits."
    interval = f"95% interval {trend['low']:+.4f} to {trend['high']:+.4f}"
    numbers = f"{trend['value']:+.4f} bits per byte and month, {interval}"
    if trend["low"] > 0:
        return f"The gain wears off: tuned minus base changes by {numbers}."
    if trend["high"] < 0:
        return f"The gain grows with time: tuned minus base changes by {numbers}."
    seen = trend["detectable"]
    return f"No drift of the gain shows ({numbers}; one below {seen:.4f} would not)."


def _calibration(arms: Mapping[str, Any]) -> dict[str, Any] | None:
    told = {arm: found for arm, found in arms.items() if found["told"]}
    if not told:
        return None
    shown = [arm for arm in ("base", "tuned") if arm in told]
    curves = [
        Curve(ARM_TITLES[arm], [(b["confidence"], b["right"]) for b in told[arm]["bins"] if b["tokens"]])
        for arm in shown
    ]
    curves.append(Curve("as it should be", [(0.0, 0.0), (1.0, 1.0)]))
    errors = [
        interval_of(ARM_TITLES.get(arm, arm), found["error"], "plain", 100)
        for arm, found in told.items()
        if found["error"]["low"] is not None
    ]
    return {
        "curves": curves_svg(curves, "confidence in the next token", "share right"),
        "errors": interval_rows([row for row in errors if row], zero=False, digits=1, unit="%"),
    }


def _group_table(groups: Mapping[str, Any]) -> dict[str, Any]:
    arms = sorted(next(iter(groups.values()))["arms"], key=arm_order)
    return {
        "columns": ["", "n", *(ARM_TITLES.get(arm, arm) for arm in arms), "tuned − base"],
        "rows": [
            [
                name,
                f"{group['tuned - base']['n']}",
                *(_three(group["arms"][arm][BITS]["value"]) for arm in arms),
                _between(group["tuned - base"]),
            ]
            for name, group in groups.items()
        ],
    }


def _three(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _between(found: Mapping[str, Any]) -> str:
    if found["value"] is None:
        return "–"
    return f"{found['value']:+.3f} ({found['low']:+.3f} to {found['high']:+.3f})"
