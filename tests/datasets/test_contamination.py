"""Copies are found whatever their layout, and the first of two equal items stays."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inhouse.datasets.candidates import Candidate
from inhouse.datasets.contamination import Seen
from inhouse.datasets.material import Placed
from inhouse.records import Item

OLD = """\
def settle(ledger, amount):
    opening = ledger.balance("cash") - amount * 3
    for entry in ledger.entries(opening):
        entry.close(reason="settled", by=amount)
    return ledger.commit(opening, strict=True)
"""
NEW = """\
def refund(customer, basket):
    voucher = customer.vouchers.issue(basket.price())
    if voucher.expired or basket.empty():
        raise Refused(customer.name, voucher.number)
    return voucher.send(customer.address)
"""


def _candidate(number: int, target: str, removed: str = "") -> Candidate:
    item = Item(str(number), "heldout", "c", 0, "a.py", "python", "", "", target, True)
    return Candidate(item, (f"file {number}",), 0, removed)


def _checked(*candidates: Candidate) -> list[tuple[str, str, float]]:
    seen = Seen()
    seen.add([Placed("b.py", "d1", "o1", "import os\n" * 50 + OLD), Placed("c.py", "d2", "o2", NEW[:60])])
    return [(found.removed, found.matched, found.similarity) for found in seen.check(candidates)]


def test_a_copy_in_a_long_file_is_found_and_its_place_named() -> None:
    assert _checked(_candidate(1, OLD)) == [("seen before", "o1", 1.0)]


_LINE = st.text("ab(=.)_ ", max_size=12)


@given(st.lists(_LINE, max_size=6), st.lists(_LINE, min_size=1, max_size=12), st.lists(_LINE, max_size=6))
def test_whole_lines_that_stand_in_a_text_as_they_are_are_always_found(
    before: list[str], copied: list[str], behind: list[str]
) -> None:
    target = "".join(f"{line}\n" for line in copied)
    if not target.strip():
        return
    seen = Seen()
    text = "".join(f"{line}\n" for line in before) + target + "".join(f"{line}\n" for line in behind)
    seen.add([Placed("b.py", "d1", "o1", text)])
    (found,) = seen.check([_candidate(1, target)])
    assert (found.removed, found.matched, found.similarity) == ("seen before", "o1", 1.0)


def test_another_indentation_does_not_hide_a_copy() -> None:
    moved = "".join(f"        {line}\n" for line in OLD.splitlines())
    assert _checked(_candidate(1, moved)) == [("seen before", "o1", 1.0)]


def test_new_code_stays_though_its_first_line_was_seen() -> None:
    assert _checked(_candidate(1, NEW)) == [("", "", 0.0)]


def test_of_two_equal_items_the_first_stays_and_is_named() -> None:
    assert _checked(_candidate(1, NEW), _candidate(2, NEW)) == [
        ("", "", 0.0),
        ("same as another item", "file 1", 1.0),
    ]


def test_what_was_removed_before_keeps_its_reason() -> None:
    assert _checked(_candidate(1, OLD, "generated"), _candidate(2, NEW)) == [
        ("generated", "", 0.0),
        ("", "", 0.0),
    ]


def test_a_document_is_added_once_however_often_it_stands_somewhere() -> None:
    seen = Seen()
    seen.add([Placed("a.py", "d", "first", OLD), Placed("b.py", "d", "second", OLD)])
    (found,) = seen.check([_candidate(1, OLD)])
    assert found.matched == "first"
