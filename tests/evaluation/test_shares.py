"""The retrieval share: chosen on validation items, with the base model, the smaller one on a tie."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inhouse.digests import digest_text
from inhouse.evaluation.shares import choose_share
from inhouse.retrieval.index import Index


@pytest.fixture
def validation(planted):
    return [replace(item, split="validation") for item in planted.items()]


def test_the_share_with_the_fewest_bits_wins(bench, validation, index):
    choice = choose_share(bench, validation, index, (0.5, 0.3), 10**6)
    assert list(choice.tried) == ["0", "0.3", "0.5"]
    values = {float(share): found.value for share, found in choice.tried.items()}
    assert choice.share == min(values, key=lambda share: values[share])
    assert choice.share > 0  # in a fresh file the conventions of the others help
    assert (
        choice.reason == f"Of the shares tried on 17 validation items, {choice.share:g} made them likeliest."
    )
    assert {request.adapter for request in bench.engine.scored} == {""}
    assert choice.tokens == sum(len(request.context + request.target) for request in bench.engine.scored)


def test_zero_wins_a_tie(bench, validation, tmp_path):
    empty = Index.open(tmp_path / "empty.db")
    empty.update([])
    choice = choose_share(bench, validation, empty, (0.3, 0.5), 10**6)
    assert len({found.value for found in choice.tried.values()}) == 1
    assert choice.share == 0.0
    assert "is not used" in choice.reason


def test_retrieved_text_that_harms_is_not_used(bench, validation, tmp_path):
    noise = Index.open(tmp_path / "noise.db")
    words = "".join(f"{number}: zx{digest_text(str(number))}\n" for number in range(40))
    texts = {f"services/{item.path[9:]}": f"{item.message} {words}" for item in validation}
    noise.update((path, digest_text(text), text) for path, text in sorted(texts.items()))
    before = "".join(f"    total_{number} = {number}\n" for number in range(80))
    long = [replace(item, prefix=item.prefix + before, target=before) for item in validation]
    assert choose_share(bench, long, noise, (0.7,), 10**6).share == 0.0


def test_held_out_items_may_not_be_tried(bench, planted, index):
    with pytest.raises(ValueError, match="only be chosen on validation items"):
        choose_share(bench, planted.items(), index, (0.5,), 10**6)
    assert bench.engine.scored == []


@pytest.mark.parametrize("missing", ["items", "index", "tokens"])
def test_without_validation_the_smallest_share_is_taken_untried(bench, validation, index, missing):
    choice = choose_share(
        bench,
        [] if missing == "items" else validation,
        None if missing == "index" else index,
        (0.5, 0.3),
        10 if missing == "tokens" else 10**6,
    )
    assert (choice.share, choice.tried, choice.tokens) == (0.3, {}, 0)
    assert (
        choice.reason == "No validation item could be scored, so the smallest share, 0.3, was taken untried."
    )
    assert bench.engine.scored == []


def test_settings_may_forbid_retrieval(bench, validation, index):
    choice = choose_share(bench, validation, index, (), 10**6)
    assert (choice.share, bench.engine.scored) == (0.0, [])
