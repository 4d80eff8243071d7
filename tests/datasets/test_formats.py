"""The form of items: exact budgets, whole lines, and no seam between context and target."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inhouse.datasets.formats import (
    first_lines,
    item_context,
    item_example,
    item_target,
    last_lines,
    markers,
    target_text,
)
from inhouse.models.tokenizer import Tokenizer
from inhouse.records import Item

FILE = "".join(f"def f{n}(x):\n    y = x + {n}\n    return y\n\n\n" for n in range(40))
ITEM = Item(
    id="1",
    split="heldout",
    commit="c" * 40,
    date=0,
    path="src/shapes/area.py",
    language="python",
    message="Compute areas\n\nThe old way rounded.",
    prefix=FILE + "def area(w, h):\n",
    target="    return w * h\n",
    known_path=True,
)
_LINES = st.lists(st.text(st.sampled_from("ab é\t(){}="), max_size=30), max_size=30).map("\n".join)
_QUICK = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _text(tokenizer: Tokenizer, item: Item, budget: int, retrieved: str = "") -> str:
    ids = item_context(item, tokenizer, budget, "shapes", retrieved)
    assert len(ids) <= budget
    return tokenizer.decode(ids, markers=True)


def test_the_order_is_retrieved_text_then_markers_then_the_end_of_the_prefix(tokenizer: Tokenizer) -> None:
    shown = _text(tokenizer, replace(ITEM, prefix="def area(w, h):\n"), 400, "# from b.py\nx = 1")
    assert shown == (
        "# from b.py\nx = 1\n"
        "<repo_name>shapes\nCommit: Compute areas\n\nThe old way rounded.\n<file_sep>src/shapes/area.py\n"
        "def area(w, h):"
    )


def test_context_and_target_meet_where_the_tokenizer_would_cut_too(tokenizer: Tokenizer) -> None:
    prefix, target = "def area(w, h):\n\n", "    return w * h\n\n"
    item = replace(ITEM, prefix=prefix, target=target, message="")
    context, scored = item_context(item, tokenizer, 400, "shapes"), item_target(item, tokenizer)
    head = tokenizer.document(repository="shapes", path=item.path)
    assert [*context[len(head) :], *scored] == tokenizer.encode((prefix + target).rstrip())
    assert target_text(prefix, target) == "\n\n    return w * h"


def test_a_new_file_is_scored_from_its_first_character(tokenizer: Tokenizer) -> None:
    item = replace(ITEM, prefix="", target="import os\n")
    assert tokenizer.decode(item_target(item, tokenizer)) == "import os"
    assert _text(tokenizer, item, 400).endswith("<file_sep>src/shapes/area.py\n")


def test_windows_line_ends_stay_together(tokenizer: Tokenizer) -> None:
    assert target_text("a\r\n", "  b\r\n") == "\r\n  b"


def test_a_huge_message_takes_a_quarter_at_most(tokenizer: Tokenizer) -> None:
    item = replace(ITEM, message="why " * 5000)
    for budget in (64, 200, 384):
        bare = len(markers(tokenizer, "shapes", item.path, "", 10_000))
        with_message = len(markers(tokenizer, "shapes", item.path, item.message, budget))
        assert bare < with_message <= bare + budget // 4 + len(tokenizer.encode("Commit: \n"))
        assert len(item_context(item, tokenizer, budget, "shapes")) <= budget


def test_a_path_longer_than_the_budget_keeps_its_end(tokenizer: Tokenizer) -> None:
    item = replace(ITEM, path="very/" * 100 + "deep.py")
    assert _text(tokenizer, item, 12).endswith("deep.py\n")


@pytest.mark.parametrize("budget", [0, 1, 7])
def test_no_room_is_no_crash(tokenizer: Tokenizer, budget: int) -> None:
    assert len(item_context(ITEM, tokenizer, budget, "shapes", "x = 1\n" * 50)) <= budget


def test_the_prefix_is_cut_at_a_line_start_and_fills_the_room(tokenizer: Tokenizer) -> None:
    shown = _text(tokenizer, ITEM, 200).partition("area.py\n")[2]
    assert (FILE + "def area(w, h):\n").endswith("\n" + shown + "\n")
    longer = ITEM.prefix[: -len(shown) - 2].rpartition("\n")[2] + "\n" + shown
    head = len(markers(tokenizer, "shapes", ITEM.path, ITEM.message, 200))
    assert head + len(tokenizer.encode(longer)) > 200


def test_retrieved_text_beyond_the_room_loses_its_end_and_the_markers_stay(tokenizer: Tokenizer) -> None:
    shown = _text(tokenizer, ITEM, 120, "".join(f"value_{n} = {n}\n" for n in range(100)))
    assert shown.startswith("value_0 = 0\nvalue_1 = 1\n")
    assert "<repo_name>shapes\n" in shown


def test_a_start_token_stays_in_front_of_retrieved_text(tokenizer: Tokenizer) -> None:
    class WithStart(Tokenizer):
        def __init__(self) -> None:
            self.__dict__ = {**tokenizer.__dict__, "bos": 0}

    ids = item_context(ITEM, WithStart(), 300, "shapes", "x = 1\n")
    assert ids[0] == 0
    assert ids.count(0) == 1


def test_loss_is_on_the_target_and_nowhere_else(tokenizer: Tokenizer) -> None:
    row = item_example(ITEM, tokenizer, 100, "shapes", "validation", ("a", "b"))
    target = item_target(ITEM, tokenizer)
    assert row.input_ids == (*item_context(ITEM, tokenizer, 100, "shapes"), *target)
    assert row.trained == (False,) * (len(row.input_ids) - len(target)) + (True,) * len(target)
    assert (row.kind, row.split, row.lineage) == ("change", "validation", ("a", "b"))


@given(text=_LINES, room=st.integers(-2, 60))
@_QUICK
def test_first_lines_are_whole_fit_and_are_as_many_as_fit(tokenizer: Tokenizer, text: str, room: int) -> None:
    kept = first_lines(text, tokenizer, room)
    assert text.startswith(kept)
    assert kept in ("", text) or kept.endswith("\n")
    assert len(tokenizer.encode(kept.rstrip())) <= max(0, room)
    line = text[len(kept) :].partition("\n")[0]
    if line.strip():  # tokens across a line end may join or not: one more or less
        assert len(tokenizer.encode((kept + line).rstrip())) >= room - 1


@given(text=_LINES, room=st.integers(-2, 60))
@_QUICK
def test_last_lines_are_whole_fit_and_are_as_many_as_fit(tokenizer: Tokenizer, text: str, room: int) -> None:
    kept = last_lines(text, tokenizer, room)
    assert text.endswith(kept)
    assert kept in ("", text) or text[: len(text) - len(kept)].endswith("\n")
    assert len(tokenizer.encode(kept)) <= max(0, room)
    before = text[: len(text) - len(kept) - 1].rpartition("\n")[2]
    if before.strip() and kept != text:
        assert len(tokenizer.encode(f"{before}\n{kept}" if kept else before)) >= room - 1
