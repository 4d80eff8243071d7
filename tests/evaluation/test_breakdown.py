"""Likelihood taken apart: planted overconfidence, new names and drift are found where they were put."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from inhouse.datasets.formats import item_target, target_text
from inhouse.evaluation.breakdown import (
    Scored,
    breakdown,
    calibration,
    first_seen,
    known_identifiers,
    token_classes,
)
from inhouse.records import Change, Commit, Item, Score

DAY = 86_400
CUT = 1_700_000_000


def score(item, arm, logprobs, best=None, right=None):
    bits = -sum(logprobs) / math.log(2)
    right = tuple(right if right is not None else [True] * len(logprobs))
    return Score(
        item.id, item.commit, arm, bits, 40, len(logprobs), sum(right), math.nan, math.nan, "",
        tuple(logprobs), right, tuple(best or ()),
    )  # fmt: skip


def item(number, target="total = known(fresh)\n", *, days=0, path="a.py", prefix="import known\n", new=False):
    return Item(
        f"i{number:03d}", "heldout", f"c{number:03d}", CUT + days * DAY, path, "python", "", prefix, target,
        not new,
    )  # fmt: skip


# ------------------------------------------------------------------ calibration


def confident(confidence, share_right, tokens=200, commits=20, seed=0):
    random = np.random.default_rng(seed)
    return [
        score(
            item(number),
            "base",
            [-1.0] * tokens,
            [math.log(confidence)] * tokens,
            (random.random(tokens) < share_right).tolist(),
        )
        for number in range(commits)
    ]


@pytest.mark.parametrize(("confidence", "share_right"), [(0.85, 0.6), (0.35, 0.5), (0.75, 0.75)])
def test_confidence_and_share_right_are_told_apart(confidence, share_right):
    found = calibration(confident(confidence, share_right))
    gap = confidence - share_right
    assert found["error"]["value"] == pytest.approx(abs(gap), abs=0.02)
    assert found["error"]["low"] <= found["error"]["value"] <= found["error"]["high"]
    assert found["overconfidence"]["value"] == pytest.approx(gap, abs=0.02)
    assert found["overconfidence"]["low"] - 0.01 <= gap <= found["overconfidence"]["high"] + 0.01
    filled = [bin_ for bin_ in found["bins"] if bin_["tokens"]]
    assert [(bin_["from"], bin_["tokens"]) for bin_ in filled] == [(int(10 * confidence) / 10, 4000)]
    assert filled[0]["confidence"] == pytest.approx(confidence, abs=1e-6)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_errors_of_two_bins_do_not_cancel():
    half = confident(0.95, 0.7, commits=10), confident(0.25, 0.5, commits=10, seed=1)
    joined = [*half[0], *(replace(one, commit=f"d{one.commit}") for one in half[1])]
    found = calibration(joined)
    assert abs(found["overconfidence"]["value"]) < 0.03
    assert found["error"]["value"] == pytest.approx(0.25, abs=0.02)


def test_scores_without_confidence_say_so():
    found = calibration([replace(one, best=()) for one in confident(0.5, 0.5, commits=2)])
    assert found["told"] is False
    assert "inhouse eval" in found["reason"]


def test_a_certain_token_is_in_the_last_bin():
    found = calibration([score(item(1), "base", [0.0], [0.0], [True])])
    assert found["bins"][-1]["tokens"] == 1
    assert (found["error"]["value"], found["error"]["low"]) == (0.0, None)  # one commit: no interval


def test_a_real_engine_tells_how_likely_its_own_choice_was(tmp_path):
    from inhouse.engines.base import ScoreRequest
    from inhouse.engines.torch_engine import TorchEngine
    from inhouse.models.tokenizer import Tokenizer
    from tests.tiny import make_tiny_model

    model = make_tiny_model(tmp_path / "model")
    engine = TorchEngine(model, Tokenizer.load(model.folder), device="cpu")
    (found,) = engine.score([ScoreRequest((1, 2, 3), tuple(range(40)))])
    assert len(found.best) == 40
    for own, best, right in zip(found.logprobs, found.best, found.top1, strict=True):
        assert own <= best < 0
        assert right == (own == best)


# ------------------------------------------------------------------ kinds of tokens


def test_tokens_are_new_only_where_the_name_stands_nowhere_before(tokenizer):
    one = item(1, "total = known(fresh, seen)\n")
    classes = token_classes(one, tokenizer, {"seen"})
    text = target_text(one.prefix, one.target).encode()
    lengths = tokenizer.byte_lengths(item_target(one, tokenizer))
    spelled: dict[str, str] = {}
    at = 0
    for kind, length in zip(classes, lengths, strict=True):
        spelled[kind] = spelled.get(kind, "") + text[at : at + length].decode()
        at += length
    assert at == len(text)
    assert spelled["new identifiers"].replace(" ", "") == "totalfresh"
    assert spelled["known identifiers"].replace(" ", "") == "knownseen"


def test_a_name_in_letters_of_several_bytes_is_found_where_it_is(tokenizer):
    one = item(1, 'größe = "ü"\n')
    classes = token_classes(one, tokenizer, set())
    lengths = tokenizer.byte_lengths(item_target(one, tokenizer))
    new = sum(length for kind, length in zip(classes, lengths, strict=True) if kind == "new identifiers")
    assert new >= len("größe".encode())
    assert new <= len("\ngröße ".encode())


def test_identifiers_of_a_tree():
    assert known_identifiers([("def run(self): pass  # not this", "python"), ("int uv_run;", "c")]) == {
        "run", "self", "uv_run"
    }  # fmt: skip


# ------------------------------------------------------------------ age of files


def change(commit, status, path, old=""):
    return Change(commit, status, path, old, "", "", ())


def test_a_file_is_as_old_as_its_first_name():
    commits = [Commit(name, (), date, True) for name, date in [("a", 10), ("b", 20), ("c", 30)]]
    changes = [
        change("c", "M", "old.py"),
        change("b", "R", "new.py", "first.py"),
        change("a", "A", "first.py"),
        change("c", "R", "other.py", "older.py"),
    ]
    assert first_seen(commits, changes) == {"first.py": 10, "new.py": 10}


# ------------------------------------------------------------------ the whole


@pytest.fixture
def scored(tokenizer):
    """40 commits over ten months: tuning saves less each month, and nothing on new names."""
    items, base, tuned = [], [], []
    random = np.random.default_rng(0)
    for number in range(40):
        one = item(number, days=number * 7.5, path=f"{'ab'[number % 2]}.py", new=number % 10 == 9)
        kinds = token_classes(one, tokenizer, {"known"})
        before = [-2.0 - random.random() for _ in kinds]
        saved = 0.7 - 0.06 * number * 7.5 / 30.4
        after = [
            value + (saved + 0.02 * random.normal() if kind != "new identifiers" else 0.0)
            for value, kind in zip(before, kinds, strict=True)
        ]
        items.append(one)
        base.append(score(one, "base", before, [value / 2 for value in before]))
        tuned.append(score(one, "tuned", after, [value / 2 for value in after]))
    return Scored(items, {"base": base, "tuned": tuned}, CUT, {"a.py": CUT - 100 * DAY}, {"known"}, tokenizer)


def test_planted_drift_and_planted_helplessness_before_new_names_are_found(scored):
    found = breakdown(scored)
    new, known = (found["by_identifier"][f"{kind} identifiers"]["tuned - base"] for kind in ("new", "known"))
    assert (new["value"], new["low"], new["high"]) == (0.0, 0.0, 0.0)
    assert known["high"] < 0
    trend = found["drift"]["trend"]
    assert trend["low"] > 0  # what was learnt wears off
    tokens = scored.scores["base"][0].tokens
    lost = (
        0.06 / math.log(2) * (tokens - _new_tokens(scored)) / 40
    )  # bits per byte and month: 40 bytes an item
    assert trend["low"] < lost < trend["high"]
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def _new_tokens(scored):
    return token_classes(scored.items[0], scored.tokenizer, scored.known).count("new identifiers")


def test_periods_hold_whole_commits_and_all_of_them(scored):
    periods = breakdown(scored)["drift"]["periods"]
    assert len(periods) == 8
    assert [period["arms"]["base"]["bits_per_byte"]["commits"] for period in periods] == [5] * 8
    assert [period["months"] for period in periods] == sorted(period["months"] for period in periods)
    assert all(earlier["to"] < later["from"] for earlier, later in pairwise(periods))


def test_groups_by_age_and_language_hold_every_item_once(scored):
    found = breakdown(scored)
    assert set(found["by_age"]) == {"new file", "older than the history read", "up to a year", "over a year"}
    for groups in (found["by_age"], found["by_language"]):
        assert sum(group["arms"]["base"]["bits_per_byte"]["n"] for group in groups.values()) == 40


def test_one_commit_has_no_trend(tokenizer):
    one = item(1)
    tokens = len(item_target(one, tokenizer))
    scores = {arm: [score(one, arm, [-1.0] * tokens)] for arm in ("base", "tuned")}
    found = breakdown(Scored([one], scores, CUT, {}, set(), tokenizer))
    assert found["drift"]["trend"]["value"] is None
    assert len(found["drift"]["periods"]) == 1
