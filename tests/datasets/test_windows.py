"""Windows tile a file, stay within their room, and end where definitions begin."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inhouse.datasets.windows import cut_windows, definition_starts, lines_with_code, split_lines, surely_code
from inhouse.languages import parse
from inhouse.models.tokenizer import Tokenizer

_QUICK = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
_LINES = st.lists(st.text(st.sampled_from("ab ({=é\t"), max_size=20), max_size=40).map("\n".join)

PYTHON = '''\
import os

LIMIT = 3


# Adds.
# Carefully.
@cached
def add(a, b):
    return a + b


class Shape:
    """A shape."""

    x = 1  # not a comment of area

    def area(self):
        return 0
'''


@given(st.text(st.sampled_from("ab\n\r\u2028\x0b\x0c\x1c\x85"), max_size=40))
def test_lines_are_counted_as_git_counts_them(text: str) -> None:
    lines = split_lines(text)
    assert "".join(lines) == text
    assert all(line.count("\n") == 1 and line.endswith("\n") for line in lines[:-1])
    assert len(lines) == text.count("\n") + (not text.endswith("\n") and text != "")


def test_a_definition_begins_with_its_comments_and_decorators() -> None:
    starts = definition_starts(parse("a.py", PYTHON), split_lines(PYTHON))
    lines = PYTHON.split("\n")
    assert [(lines[at - 1], lines[first - 1]) for at, first in starts.items()] == [
        ("@cached", "# Adds."),
        ("class Shape:", "class Shape:"),
        ("    def area(self):", "    def area(self):"),
    ]


def test_a_block_comment_belongs_to_the_function_below_it() -> None:
    text = "int x; /* no */\n/* Adds\n   two. */\nint add(int a)\n{\n  return a;\n}\n"
    assert definition_starts(parse("a.c", text), split_lines(text)) == {4: 2}


def test_a_window_ends_where_a_definition_begins_and_the_outermost_is_best(tokenizer: Tokenizer) -> None:
    text = "".join(
        f"class C{n}:\n    def f(self):\n        return {n}\n\n    def g(self):\n        pass\n"
        for n in range(8)
    )
    lines = split_lines(text)
    starts = set(definition_starts(parse("a.py", text), lines).values())
    windows, left_out = cut_windows(lines, starts, tokenizer, 110)
    assert left_out == 0
    assert len(windows) > 2
    assert all(window.text.startswith("class C") for window in windows)
    assert [window.is_end for window in windows] == [False] * (len(windows) - 1) + [True]


def test_without_definitions_a_window_ends_after_a_blank_line(tokenizer: Tokenizer) -> None:
    lines = [f"value_{n} = {n}\n" if n % 5 else "\n" for n in range(1, 60)]
    windows, _ = cut_windows(lines, (), tokenizer, 80)
    assert len(windows) > 2
    assert all(window.text.endswith("\n\n") for window in windows[:-1])


def test_a_line_that_fits_nowhere_is_counted_and_the_rest_is_kept(tokenizer: Tokenizer) -> None:
    long = "x" * 3000 + "\n"
    windows, left_out = cut_windows(["a = 1\n", long, "b = 2\n"], (), tokenizer, 50)
    assert [window.text for window in windows] == ["a = 1\n", "b = 2\n"]
    assert left_out == len(tokenizer.encode(long))


@given(text=_LINES, starts=st.sets(st.integers(1, 40)), room=st.integers(1, 40))
@_QUICK
def test_windows_tile_the_lines_and_none_is_too_long(
    tokenizer: Tokenizer, text: str, starts: set[int], room: int
) -> None:
    lines = split_lines(text)
    windows, left_out = cut_windows(
        lines, {start for start in starts if start <= len(lines)}, tokenizer, room
    )
    shown = [line for window in windows for line in range(window.start_line, window.end_line + 1)]
    assert len(set(shown)) == len(shown)
    assert shown == sorted(shown)
    missing = [lines[number - 1] for number in range(1, len(lines) + 1) if number not in set(shown)]
    assert all(len(tokenizer.encode(line.rstrip())) > room for line in missing)
    assert left_out == sum(len(tokenizer.encode(line)) for line in missing)
    for window in windows:
        assert window.text == "".join(lines[window.start_line - 1 : window.end_line])
        assert len(tokenizer.encode(window.text.rstrip())) <= room


_CODE_LINES = [
    "x = 1",
    "# note",
    "// note",
    "/* open",
    "close */",
    "* middle",
    "/* one */ y();",
    's = "/*";',
    "",
    "  z",
]


@given(
    lines=st.lists(st.sampled_from(_CODE_LINES), max_size=12),
    path=st.sampled_from(["a.py", "a.c", "a.js", "a.go"]),
)
def test_what_is_surely_code_is_no_comment(lines: list[str], path: str) -> None:
    text = "".join(f"{line}\n" for line in lines)
    parsed = parse(path, text)
    if parsed.errors:
        return
    has_code = lines_with_code(text, parsed)
    offset = 0
    for number, line in enumerate(split_lines(text)):
        if surely_code(text, offset, line, parsed.language):
            assert has_code[number], (number, line)
        offset += len(line)


def test_most_code_is_seen_to_be_code_without_a_parse() -> None:
    text = "/* Adds. */\nint add(int a)\n{\n\t// now\n\treturn a;\n}\n"
    offsets = [0, 12, 27, 29, 37, 48]
    sure = [surely_code(text, at, line, "c") for at, line in zip(offsets, split_lines(text), strict=True)]
    assert sure == [False, True, True, False, True, True]
