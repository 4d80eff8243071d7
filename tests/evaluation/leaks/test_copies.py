"""The longest shared passage is found whole, wherever it stands, and what the prompt held is no copy."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from inhouse.evaluation.leaks.copies import RUN, Copy, longest_copies, tokens_of

PASSAGE = " ".join(f"word{number}" for number in range(30))


def test_the_longest_passage_is_found_whole_and_named() -> None:
    answer = f"before it\n{PASSAGE}\nafter it"
    documents = [
        ("short.py", " ".join(PASSAGE.split()[5:20])),
        ("long.py", f"something else {PASSAGE.replace(' ', chr(10))} and more"),
        ("same.py", PASSAGE),
    ]
    assert longest_copies([(answer, "")], documents) == [Copy(30, "long.py")]


def test_what_could_be_read_in_the_prompt_is_no_copy() -> None:
    assert longest_copies([(PASSAGE, f"x {PASSAGE} y")], [("a.py", PASSAGE)]) == [Copy(0, "")]


def test_a_passage_under_twelve_tokens_is_chance() -> None:
    words = PASSAGE.split()
    short = " ".join(words[: RUN - 1])
    assert longest_copies([(short, "")], [("a.py", PASSAGE)]) == [Copy(0, "")]
    assert longest_copies([(" ".join(words[:RUN]), "")], [("a.py", PASSAGE)]) == [Copy(RUN, "a.py")]


def test_documents_are_not_read_when_there_is_nothing_to_find() -> None:
    def documents() -> Iterator[tuple[str, str]]:
        yield "a.py", PASSAGE
        raise AssertionError

    assert longest_copies([("", ""), ("short", "")], documents()) == [Copy(0, ""), Copy(0, "")]


WORDS = st.lists(st.sampled_from("abc("), max_size=40)


@given(WORDS, WORDS)
def test_the_length_is_that_of_the_longest_common_substring(first: list[str], second: list[str]) -> None:
    (found,) = longest_copies([(" ".join(first), "")], [("a", " ".join(second))])
    left, right = tokens_of(" ".join(first)), tokens_of(" ".join(second))
    places = itertools.product(range(len(left)), range(len(right)))
    longest = max((common(left[start:], right[place:]) for start, place in places), default=0)
    assert found.tokens == (longest if longest >= RUN else 0)


def common(left: list[str], right: list[str]) -> int:
    pairs = zip(left, right, strict=False)
    return next(
        (length for length, (one, other) in enumerate(pairs) if one != other), min(len(left), len(right))
    )
