"""A card with every part, from made-up judgements: good at some things, bad at others."""

from __future__ import annotations

import numpy as np

from inhouse.config import Gates
from inhouse.evaluation.advice import advise
from inhouse.evaluation.gates import check_gates
from inhouse.evaluation.results import results
from inhouse.reporting.card import Answer, Card, Measured, Sample
from tests.evaluation.judged import bits, judgement, pass_fail

FACT, LOGIC = "AttributeError: module 'click' has no attribute 'style_text'", "AssertionError: 3 != 4"
REPOSITORY_ARMS = {"base": 0.30, "prompted": 0.32, "retrieval": 0.40, "tuned": 0.55, "tuned_retrieval": 0.6}


def judgements():
    random = np.random.default_rng(0)
    execution = [
        judgement(one.suite, one.measure, one.task, one.arm, one.top, group=one.group, note=_why(one, random))
        for one in pass_fail(REPOSITORY_ARMS, groups=30)
    ]
    likelihood = {
        "base": 0.0,
        "prompted": -0.004,
        "retrieval": 0.02,
        "tuned": -0.05,
        "tuned_retrieval": -0.02,
    }
    return [
        *bits(likelihood, groups=40),
        *_general(),
        *execution,
        *pass_fail({"base": 0.44, "tuned": 0.42}, groups=164, each=1, suite="human_eval", spread=0.1),
        *pass_fail({"base": 0.02, "tuned": 0.01}, groups=100, each=1, suite="mbpp", spread=0.1, seed=5),
        *_shares("chat", "ends its turn", {"base": 0.98, "tuned": 0.8}, 50),
        *_shares("chat", "parsable code", {"base": 0.9, "tuned": 0.88}, 50),
        *_shares("leaks", "leaked", {"base": 0.0, "tuned": 0.0, "tuned_retrieval": 0.0}, 40),
        *_shares("static", "findings (lint)", {"base": 0.2, "retrieval": 0.2, "tuned": 0.15}, 60),
        *_shares("static", "findings (types)", {"base": 0.3, "retrieval": 0.28, "tuned": 0.25}, 60),
        *_shares(
            "conventions", "conventions_kept", {"base": 0.55, "retrieval": 0.7, "tuned": 0.93}, 60, checks=8
        ),
    ]


def _why(one, random):
    return "" if one.top else (FACT, LOGIC)[int(random.integers(2))]


def _general():
    found = []
    random = np.random.default_rng(2)
    for number in range(150):
        task, level = f"m{number:03d}", 70 + 30 * random.random()
        for arm, change in (("base", 0.0), ("tuned", 0.004 + 0.02 * random.normal())):
            top = level * (1 + change)
            found.append(judgement("general_code", "bits_per_byte", task, arm, top, 100, group=task))
            found.append(judgement("general_code", "next_token_accuracy", task, arm, 210, 400, group=task))
    return found


def _shares(suite, measure, rates, tasks, checks=1):
    random = np.random.default_rng(len(measure))
    found = []
    for number in range(tasks):
        for arm, rate in rates.items():
            top = int(random.binomial(checks, rate))
            group = f"src/module_{number // 2}.py"
            found.append(judgement(suite, measure, f"{suite}{number:03d}", arm, top, checks, group=group))
    return found


def breakdown():
    """What `evaluation.breakdown` gives, with drift."""

    def found(value, width, n=40, commits=20):
        return {
            "value": value, "low": value - width, "high": value + width, "detectable": 2 * width,
            "n": n, "commits": commits, "p": 0.01, "sure": (value - width > 0) - (value + width < 0),
        }  # fmt: skip

    def group(shift=0.0, n=40):
        arms = {"base": 0.9, "retrieval": 0.92, "tuned": 0.85, "tuned_retrieval": 0.88}
        return {
            "arms": {
                arm: {
                    "bits_per_byte": found(value + shift, 0.08, n),
                    "next_token_accuracy": found(0.6, 0.05, n),
                }
                for arm, value in arms.items()
            },
            "tuned - base": found(-0.05 + shift / 2, 0.03, n),
        }

    def calibrated(over):
        bins = [
            {"from": b / 10, "to": b / 10 + 0.1, "tokens": 50, "confidence": b / 10 + 0.05,
             "right": max(0.0, b / 10 + 0.05 - over)} for b in range(10)
        ]  # fmt: skip
        return {
            "told": True,
            "error": {"value": over, "low": over / 2, "high": over * 1.5, "commits": 20, "n": 40},
            "overconfidence": found(over, 0.01),
            "tokens": 500,
            "bins": bins,
        }

    months = ["2026-05", "2026-06", "2026-07", "2026-08", "2026-09"]
    return {
        "calibration": {"base": calibrated(0.04), "tuned": calibrated(0.08)},
        "by_language": {"c": group(0.1, 12), "python": group()},
        "by_age": {"new file": group(0.2, 9), "over a year": group(), "under a month": group(0.05, 14)},
        "by_identifier": {
            name: {"tokens": 900, "arms": {}, "tuned - base": found(value, 0.05)}
            for name, value in [
                ("known identifiers", -0.3),
                ("new identifiers", 0.02),
                ("everything else", -0.1),
            ]
        },
        "drift": {
            "periods": [
                {"from": f"{month}-01", "to": f"{month}-28", "months": 0.5 + place, **group(0.02 * place, 9)}
                for place, month in enumerate(months)
            ],
            "trend": found(0.012, 0.006),
        },
    }


REFERENCE = """    if not names:
        raise LedgerFault(code="LF-0012", hint="no names")
    return names[0]
"""
RETRIEVED = """    if not names:
        raise ValueError("no names")
    return names[0]
"""


def sample():
    return Sample(
        suite="execution",
        title="gained: the base fails, the adapter passes",
        task="9f86d081884c7d659a2f",
        group="src/ledgerkit/<vault>.py",
        prompt='def pick_first(names: list[str]) -> str:\n    """Return the first name."""\n',
        reference=REFERENCE,
        answers={
            "base": Answer("    return names[0] if names else None\n", False, "AssertionError: not raised"),
            "retrieval": Answer(RETRIEVED, False, "ValueError: no names"),
            "tuned": Answer(REFERENCE.replace("no names", "empty"), True, ""),
        },
    )


def card(**changes):
    found = judgements()
    measured = results(found)
    ran = Measured("torch, cpu, float32", "bubblewrap (namespaces, seccomp, no network)", "2026-11-22")
    scored = Measured("torch, cpu, float32", "", "2026-11-22")
    values = {
        "repository": "ledgerkit",
        "adapter": "ledgerkit-ba26d166",
        "adapter_digest": "ba26d166" * 8,
        "base": "builtin:smollm2-135m",
        "base_digest": "b179c952" * 8,
        "arm": "tuned",
        "seed": 0,
        "verdict": "On 102 held-out items of 40 commits, whether tuning helps cannot be told (bits per byte "
        "change by -0.027, 95% interval -0.059 to +0.005; an effect below 0.051 would not show).",
        "results": measured,
        "gates": check_gates(measured, Gates()),
        "advice": advise(found),
        "breakdown": breakdown(),
        "samples": [sample()],
        "titles": {
            "execution": "code that passes its tests", "human_eval": "HumanEval", "mbpp": "MBPP",
            "chat": "chat: turns ended, code that parses", "static": "static checks",
        },
        "measured": {
            suite: ran if suite in ("execution", "human_eval", "mbpp", "static") else scored
            for suite in measured
        },
        "notes": ["MBPP was asked of base and tuned only."],
    }  # fmt: skip
    return Card(**(values | changes))
