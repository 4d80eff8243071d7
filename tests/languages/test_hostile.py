"""Input that nobody would write, or that somebody wrote to do harm: an answer, soon, the same each time."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.languages import parse

_PATHS = ("a.py", "a.c", "a.cpp", "A.java", "a.js", "a.ts", "a.tsx", "a.go", "a.rs")
_SOUND = {
    "a.py": "def sound():\n    return 1\n",
    "a.c": "int sound(void) { return 1; }\n",
    "a.cpp": "int sound() { return 1; }\n",
    "A.java": "class sound { }\n",
    "a.js": "function sound() { return 1; }\n",
    "a.ts": "function sound() { return 1; }\n",
    "a.tsx": "function sound() { return 1; }\n",
    "a.go": "func sound() int { return 1 }\n",
    "a.rs": "fn sound() -> i32 { 1 }\n",
}


def _check(path: str, text: str) -> None:
    """Every offset and line must lie in the file, in order, and say what the record promises."""
    size = len(text.encode("utf-8", "surrogatepass"))
    lines = text.count("\n") + 1
    parsed = parse(path, text)
    starts = [symbol.start for symbol in parsed.symbols]
    assert starts == sorted(starts)
    for symbol in parsed.symbols:
        assert 0 <= symbol.start < symbol.end <= size
        assert symbol.start <= symbol.body <= symbol.end
        assert 1 <= symbol.start_line <= symbol.end_line <= lines
        assert "\n" not in symbol.signature
        assert symbol.name
    for item in (*parsed.imports, *parsed.calls, *parsed.comments):
        assert 0 <= item.start <= item.end <= size
        assert 1 <= item.line <= lines


@pytest.mark.parametrize("path", _PATHS)
@pytest.mark.parametrize(
    "prefix",
    ["\ufeff", "\ud800\n", "\0\n", "\f\n", "\t \n", "\r\n", "\u2028\n"],
    ids=["bom", "surrogate", "nul", "form feed", "blanks", "crlf", "line separator"],
)
def test_odd_characters_do_not_hide_a_function(path: str, prefix: str) -> None:
    for text in (prefix + _SOUND[path], prefix + _SOUND[path].replace("\n", "\r\n")):
        _check(path, text)
        found = {symbol.name: symbol for symbol in parse(path, text).symbols}
        whole = text.encode("utf-8", "surrogatepass")
        assert b"sound" in whole[found["sound"].start : found["sound"].end]


@pytest.mark.parametrize("path", _PATHS)
def test_an_empty_file_has_nothing(path: str) -> None:
    parsed = parse(path, "")
    assert (parsed.symbols, parsed.imports, parsed.calls, parsed.comments, parsed.errors) == (
        (),
        (),
        (),
        (),
        0,
    )


@pytest.mark.parametrize("path", _PATHS)
@pytest.mark.parametrize("unit", ["(", "{", "->", "a<", "a<\n", "@-", '"', "1[>", "foo(\n", ")*"])
def test_noise_ends_soon(path: str, unit: str) -> None:
    """The parser alone takes minutes or all memory on some of these."""
    start = time.process_time()
    _check(path, unit * (20_000 // len(unit)))
    assert time.process_time() - start < 10


@pytest.mark.parametrize("path", _PATHS)
def test_ten_thousand_brackets_do_not_crash(path: str) -> None:
    _check(path, "x = " + "[" * 10_000 + "]" * 10_000 + "\n" + _SOUND[path])


@pytest.mark.parametrize("depth", [1, 900, 4_000])
def test_objects_in_objects_name_their_functions_up_to_a_depth(depth: int) -> None:
    """Their names grow with their depth, and so does the way up to the outermost one."""
    functions = ", ".join(f"f{number}() {{ return 1; }}" for number in range(500))
    start = time.monotonic()
    parsed = parse("a.js", "x = " + "{a: " * depth + "{" + functions + "}" + "}" * depth)
    assert time.monotonic() - start < 5
    assert {symbol.name for symbol in parsed.symbols} == {f"f{number}" for number in range(500)}
    longest = "x." + "a." if depth == 1 else "a." * 8
    assert {symbol.qualified_name.removesuffix(symbol.name) for symbol in parsed.symbols} == {longest}


def test_a_line_of_five_megabytes_is_counted_as_unread() -> None:
    parsed = parse("a.py", "x = 1; " * 700_000)
    assert (parsed.symbols, parsed.errors) == ((), 1)


def test_memory_does_not_grow_with_what_was_parsed() -> None:
    """The binding keeps what its read callback returned: that must not be the source."""
    text = "# " + "words " * 20_000 + "\n" + _SOUND["a.py"]
    parse("a.py", text)
    tracemalloc.start()
    for _ in range(20):
        parse("a.py", text)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 2 * len(text)


_MARKS = [*"{}():;\n\"'é\ud800\0", "    ", "#if X\n", "#endif\n", "/*", "*/", "//", "@x\n", "#[a]", "=>"]
_OPENINGS = ["def f(", "class A", "int f(", "fn f()", "func f()", "function f()", "import a"]
_WORDS = st.sampled_from(_MARKS) | st.sampled_from(_OPENINGS)


@given(st.sampled_from(_PATHS), st.lists(_WORDS, max_size=25).map("".join))
def test_any_text_gives_spans_inside_the_file(path: str, text: str) -> None:
    _check(path, text)


@given(st.sampled_from(_PATHS), st.text(max_size=60))
def test_the_same_text_gives_the_same_parse(path: str, text: str) -> None:
    assert parse(path, text) == parse(path, text)
