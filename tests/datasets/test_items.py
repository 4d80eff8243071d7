"""Items: whole lines of new code, none lost without a reason, sampled by commit and never by size."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.config import BUDGETS, Settings
from inhouse.datasets.formats import target_text
from inhouse.datasets.items import Cutter, Piece, evenly, item_quota, sample
from inhouse.datasets.split import MOST_OF_A_FILE
from inhouse.models.tokenizer import Tokenizer
from inhouse.records import Hunk, Item

BEFORE = "import os\n\n\ndef old(x):\n    return x\n"


def _cutter(tokenizer: Tokenizer, **evaluation: int) -> Cutter:
    return Cutter(tokenizer, Settings.model_validate({"evaluation": evaluation}).evaluation)


def _pieces(tokenizer: Tokenizer, text: str, *runs: tuple[int, int], **evaluation: int) -> list[Piece]:
    hunks = [Hunk(0, 0, first, count) for first, count in runs]
    return _cutter(tokenizer, **evaluation).pieces("src/a.py", text, hunks)


def _function(name: str, lines: int = 3) -> str:
    return (
        f"def {name}(value):\n"
        + "".join(f"    value = value * {n} + {name}\n" for n in range(lines))
        + "\n\n"
    )


# ------------------------------------------------------------------ pieces


def test_a_run_is_an_item_with_the_file_before_it(tokenizer: Tokenizer) -> None:
    new = "def fresh(value, other):\n    return value * other + value\n"
    (piece,) = _pieces(tokenizer, BEFORE + new + "LAST = 1\n", (6, 2))
    assert piece == Piece(6, BEFORE, new, 0)


def test_blank_lines_that_close_a_run_are_not_scored(tokenizer: Tokenizer) -> None:
    new = "\n\ndef fresh(value, other):\n    return value * other + value\n\n\n"
    (piece,) = _pieces(tokenizer, BEFORE + new, (6, 6))
    assert piece.target == new[:-2]
    assert piece.tokens_cut == 0


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        ("\n   \n\t\n", "blank or comment"),
        (
            "# Only words, and quite a few of them, that\n# explain something to the reader.\n",
            "blank or comment",
        ),
        ("x = 1\ny = 2\n", "under 40 bytes"),
        ("x = [" + "1, " * 2000 + "]\ny = 2\n", "a line beyond what is scored"),
    ],
)
def test_what_cannot_be_an_item_has_a_reason(tokenizer: Tokenizer, new: str, reason: str) -> None:
    (piece,) = _pieces(tokenizer, BEFORE + new, (6, new.count("\n")))
    assert piece.reason == reason


def test_forty_bytes_are_counted_in_utf8_and_without_blanks(tokenizer: Tokenizer) -> None:
    for word, reason in (("é" * 18 + "aaa", "under 40 bytes"), ("é" * 18 + "aaaa", "")):
        (piece,) = _pieces(tokenizer, f"{word}\n", (1, 1))
        assert len(word.encode()) == (39 if reason else 40)
        assert piece.reason == reason


def test_a_comment_before_code_does_not_make_it_a_comment(tokenizer: Tokenizer) -> None:
    new = "# Explains.\nvalue = compute(first, second, third, fourth)  # and more\n"
    (piece,) = _pieces(tokenizer, BEFORE + new, (6, 2))
    assert piece.reason == ""


def test_a_text_that_does_not_match_its_change_is_no_crash(tokenizer: Tokenizer) -> None:
    assert [piece.reason for piece in _pieces(tokenizer, BEFORE, (5, 9))] == [
        "text does not match the change"
    ]


def test_a_long_run_is_cut_at_definitions_and_the_rest_is_counted(tokenizer: Tokenizer) -> None:
    functions = [_function(f"function_number_{n}") for n in range(3)]
    text = BEFORE + "".join(functions)
    pieces = _pieces(tokenizer, text, (6, text.count("\n") - 5), max_target_tokens=60)
    assert [piece.target.partition("(")[0] for piece in pieces] == [
        "def function_number_0",
        "def function_number_1",
        "def function_number_2",
    ]
    for piece, function in zip(pieces, functions, strict=True):
        scored = len(tokenizer.encode(target_text(piece.prefix, piece.target)))
        assert scored <= 60
        assert function.startswith(piece.target)
        assert piece.tokens_cut == len(tokenizer.encode(target_text(piece.prefix, function))) - scored > 0
    assert pieces[1].prefix == BEFORE + functions[0]


def test_small_definitions_stay_together_as_long_as_they_can_be_scored(tokenizer: Tokenizer) -> None:
    text = "".join(_function(f"f{n}", 1) for n in range(4))
    two = len(tokenizer.encode(_function("f0", 1) + _function("f1", 1)))
    pieces = _pieces(tokenizer, text, (1, text.count("\n")), max_target_tokens=two)
    assert [piece.target.count("def ") for piece in pieces] == [2, 2]


def test_a_large_new_file_gives_four_items_from_all_over_it(tokenizer: Tokenizer) -> None:
    text = "".join(_function(f"function_number_{n}") for n in range(12))
    pieces = _pieces(tokenizer, text, (1, text.count("\n")), max_target_tokens=60)
    kept = [piece.target.partition("(")[0] for piece in pieces if not piece.reason]
    assert kept == [f"def function_number_{n}" for n in (0, 3, 6, 9)]
    assert Counter(piece.reason for piece in pieces) == {"": 4, f"more than {MOST_OF_A_FILE} in one file": 8}


def test_a_prefix_is_no_longer_than_a_context_can_show(tokenizer: Tokenizer) -> None:
    text = "x = 1\n" * 5_000 + _function("fresh")
    (piece,) = _pieces(tokenizer, text, (5_001, 4), context_tokens=64)
    assert 500 < len(piece.prefix) <= 64 * 16
    assert piece.prefix.startswith("x = 1\n")


# ------------------------------------------------------------------ sampling


def _item(commit: int, number: int) -> Item:
    return Item(f"{commit}.{number}", "heldout", f"c{commit}", commit, "a.py", "python", "", "", "x", True)


_ITEMS = st.lists(st.integers(1, 6), min_size=1, max_size=20).map(
    lambda sizes: [_item(commit, number) for commit, size in enumerate(sizes) for number in range(size)]
)


@given(_ITEMS, st.integers(1, 60), st.integers(0, 3))
def test_commits_are_treated_alike_whatever_their_size(items: list[Item], quota: int, seed: int) -> None:
    chosen = sample(items, quota, seed)
    assert len(chosen) == min(quota, len(items))
    assert chosen == [item for item in items if item in set(chosen)]
    sizes = Counter(item.commit for item in items)
    taken = Counter(item.commit for item in chosen)
    least = min((taken[commit] for commit in sizes if taken[commit] < sizes[commit]), default=None)
    assert least is None or max(taken.values()) <= least + 1


def test_a_sample_of_few_commits_is_spread_over_time() -> None:
    chosen = sample([_item(commit, 0) for commit in range(100)], 5, seed=0)
    assert [item.date for item in chosen] == [0, 20, 40, 60, 80]


def test_the_seed_decides_and_the_same_seed_decides_the_same() -> None:
    items = [_item(commit, number) for commit in range(5) for number in range(9)]
    first, again, other = (sample(items, 5, seed) for seed in (0, 0, 1))
    assert first == again != other


@given(st.lists(st.integers()), st.integers(-1, 30))
def test_evenly_keeps_the_order_and_the_number(values: list[int], count: int) -> None:
    chosen = evenly(list(enumerate(values)), count)
    assert len(chosen) == max(0, min(count, len(values)))
    assert chosen == sorted(set(chosen))


# ------------------------------------------------------------------ quota


def test_the_quota_is_paid_for_by_the_scored_tokens() -> None:
    evaluation = Settings().evaluation
    assert item_quota(BUDGETS["demo"], evaluation) == (100, 27)
    assert item_quota(BUDGETS["smoke"], evaluation) == (33, 9)
    assert item_quota(BUDGETS["full"], evaluation) == (669, 186)
    heldout, validation = item_quota(BUDGETS["demo"], evaluation)
    assert 448 * (2 * heldout + 3 * validation) <= 0.85 * BUDGETS["demo"].scored


def test_a_context_beyond_the_budget_still_gives_one_item() -> None:
    settings = Settings.model_validate({"evaluation": {"context_tokens": 1_000_000}})
    assert item_quota(BUDGETS["smoke"], settings.evaluation) == (1, 1)
