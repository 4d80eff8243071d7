"""New prose is cut as new code is, but for what prose is: paragraphs, long lines, docstrings."""

from __future__ import annotations

from collections import Counter

import pytest

from inhouse.config import Settings
from inhouse.datasets.items import Piece
from inhouse.datasets.prose import ProseCutter, is_docstring, sample_prose
from inhouse.models.tokenizer import Tokenizer
from inhouse.records import Change, Hunk, Item

GUIDE = "# Guide\n\nOld words that stand here since the beginning.\n"
MODULE = '''\
"""Keep boxes."""


def open_box(name):
    """Open the box of that name, and say what was found in it.

    A box that is not there is made, empty as it may be.
    """
    return name.strip().lower().replace(" ", "-").replace("_", "-")
'''


def _cutter(tokenizer: Tokenizer, **evaluation: int) -> ProseCutter:
    return ProseCutter(tokenizer, Settings.model_validate({"evaluation": evaluation}).evaluation)


def _pieces(
    tokenizer: Tokenizer, path: str, text: str, *runs: tuple[int, int], **evaluation: int
) -> list[Piece]:
    hunks = [Hunk(0, 0, first, count) for first, count in runs]
    return _cutter(tokenizer, **evaluation).pieces(path, text, hunks)


def test_one_line_is_enough_because_it_may_be_a_paragraph(tokenizer: Tokenizer) -> None:
    new = "Keys are rotated every ninety days by the night shift.\n"
    (piece,) = _pieces(tokenizer, "docs/guide.md", f"{GUIDE}\n{new}", (4, 2))
    assert piece == Piece(4, GUIDE, f"\n{new}", 0)


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        ("\n\n", "no words"),
        ("| 100 | 200 | 300 | 400 | 500 | 600 | 700 | 800 | 900 |\n", "no words"),
        ("See below, please.\n", "under 40 bytes"),
        ("word " * 500 + "\n", "a line beyond what is scored"),
    ],
)
def test_what_cannot_be_measured_on_has_a_reason(tokenizer: Tokenizer, new: str, reason: str) -> None:
    (piece,) = _pieces(tokenizer, "docs/guide.md", GUIDE + new, (4, new.count("\n")))
    assert piece.reason == reason


def test_of_a_line_beyond_what_is_scored_the_first_sentences_are(tokenizer: Tokenizer) -> None:
    sentences = ["The first sentence says something.", "The second one goes on: it has a colon.", "x " * 900]
    (piece,) = _pieces(
        tokenizer, "docs/guide.md", f"{GUIDE}\n{' '.join(sentences)}.\n", (5, 1), max_target_tokens=60
    )
    assert piece.target == "The first sentence says something. The second one goes on: it has a colon."
    assert piece.reason == ""
    assert piece.tokens_cut > 900


def test_a_long_document_is_cut_where_paragraphs_begin(tokenizer: Tokenizer) -> None:
    paragraphs = [
        f"Paragraph number {n} is about something else\nthan all the others here.\n" for n in range(9)
    ]
    text = "\n".join(paragraphs)
    pieces = _pieces(tokenizer, "docs/long.rst", text, (1, text.count("\n")), max_target_tokens=45)
    kept = [piece.target for piece in pieces if not piece.reason]
    assert kept == [paragraphs[n] for n in (0, 2, 4, 6)]
    assert Counter(piece.reason for piece in pieces) == {"": 4, "more than 4 in one file": 5}


def test_points_of_a_list_are_cut_apart(tokenizer: Tokenizer) -> None:
    points = [f"-   Fix number {n} of the things that were wrong in the box.\n" for n in range(3)]
    pieces = _pieces(tokenizer, "CHANGES.rst", "".join(points), (1, 3), max_target_tokens=40)
    assert [piece.target for piece in pieces] == points


def test_of_code_only_docstrings_count_and_the_signature_is_given(tokenizer: Tokenizer) -> None:
    whole = MODULE.count("\n")
    short, long = _pieces(tokenizer, "shelf/box.py", MODULE, (1, whole), max_target_tokens=200)
    assert short.reason == "under 40 bytes"
    assert long.reason == ""
    assert long.prefix == MODULE[: MODULE.index('    """Open')]
    assert long.target == MODULE[MODULE.index('    """Open') : MODULE.index("    return")]


def test_of_a_docstring_only_the_new_lines_count(tokenizer: Tokenizer) -> None:
    (piece,) = _pieces(tokenizer, "shelf/box.py", MODULE, (7, 2), max_target_tokens=200)
    assert piece.target == '    A box that is not there is made, empty as it may be.\n    """\n'
    assert _pieces(tokenizer, "shelf/box.py", MODULE, (9, 1)) == []


def test_a_text_that_does_not_match_its_change_is_no_crash(tokenizer: Tokenizer) -> None:
    assert [piece.reason for piece in _pieces(tokenizer, "a.md", GUIDE, (3, 9))] == [
        "text does not match the change"
    ]
    assert _pieces(tokenizer, "a.py", MODULE, (40, 9)) == []


@pytest.mark.parametrize(
    ("path", "status", "wanted"),
    [
        ("docs/guide.md", "M", True),
        ("CHANGES.rst", "A", True),
        ("src/box.py", "M", True),
        ("docs/guide.md", "D", False),
        ("notes.txt", "M", False),
        ("package-lock.json", "M", False),
        ("third_party/lib/README.md", "M", False),
    ],
)
def test_what_may_hold_prose_is_told_by_the_path(
    tokenizer: Tokenizer, path: str, status: str, wanted: bool
) -> None:
    change = Change("c", status, path, "", "d", "", ())
    cutter = _cutter(tokenizer)
    assert cutter.wanted(change, Hunk(0, 0, 1, 1)) is wanted
    assert cutter.wanted(change, Hunk(1, 1, 0, 0)) is False


def _item(number: int, language: str) -> Item:
    return Item(
        f"{language}{number}", "documents", f"c{number}", number, "p", language, "", "", "t", known_path=True
    )


@pytest.mark.parametrize(
    ("documents", "docstrings", "expected"), [(9, 9, (4, 3)), (9, 2, (5, 2)), (1, 9, (1, 6)), (0, 0, (0, 0))]
)
def test_documents_and_docstrings_share_the_quota(
    documents: int, docstrings: int, expected: tuple[int, int]
) -> None:
    items = [_item(n, "rst") for n in range(documents)] + [_item(n, "python") for n in range(docstrings)]
    items.sort(key=lambda item: item.date)
    chosen = sample_prose(items, 7, 0)
    assert (sum(not is_docstring(item) for item in chosen), sum(map(is_docstring, chosen))) == expected
    assert chosen == [item for item in items if item in chosen]
