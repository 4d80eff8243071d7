"""Whatever was there before is old, wherever the change has moved it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from inhouse.evaluation.static_checks.diagnostics import (
    Diagnostic,
    introduced,
    read_bandit,
    read_cppcheck,
    read_diff,
    read_gcc,
    read_mypy,
    read_ruff,
)

FOUND = st.builds(
    Diagnostic,
    st.sampled_from(["lint", "types"]),
    st.sampled_from(["F401", "E501"]),
    st.integers(1, 30),
    st.sampled_from(["a", "b defined on line 3"]),
)


@given(st.lists(FOUND), st.integers(1, 20), st.integers(0, 5), st.integers(0, 9))
def test_the_same_file_with_longer_changed_lines_has_nothing_new(
    base: list[Diagnostic], first: int, old_lines: int, shift: int
) -> None:
    last = first + old_lines + shift
    outside = [one for one in base if not first <= one.line <= first + old_lines]
    moved = [replace(one, line=one.line + shift) if one.line > first else one for one in outside]
    assert introduced(base, moved, (first, last), shift) == []


@given(st.lists(FOUND, max_size=5), FOUND)
def test_one_more_of_the_same_is_new(base: list[Diagnostic], more: Diagnostic) -> None:
    assert introduced(base, [*base, more], (100, 100), 0) == [more]


def test_numbers_in_a_message_may_be_lines_that_moved() -> None:
    old, new = (Diagnostic("lint", "F811", line, f"redefined from line {line - 5}") for line in (20, 24))
    assert introduced([old], [new], (3, 8), 4) == []


def test_half_an_output_is_no_diagnostics() -> None:
    for read in (read_ruff, read_bandit, read_gcc, read_mypy, read_diff, read_cppcheck):
        for output in ("", "[{", "null", "3", "Traceback (most recent call last):"):
            assert list(read(output)) == []


def test_mypy_paths_and_codes_are_read() -> None:
    output = "shop/a.py:3: error: Bad [list] thing  [arg-type]\nshop/a.py:4: note: see there\nSuccess: x"
    assert list(read_mypy(output)) == [("a.py", Diagnostic("types", "arg-type", 3, "Bad [list] thing"))]
