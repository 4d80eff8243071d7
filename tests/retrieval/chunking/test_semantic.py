"""Semantic chunks follow the syntax tree: split only what does not fit, merge what belongs together."""

from __future__ import annotations

from inhouse.languages import parse
from inhouse.records import Chunk
from inhouse.retrieval.chunking import chunk_by


def _cut(path: str, text: str, max_tokens: int) -> list[Chunk]:
    return chunk_by(parse(path, text), path, text, "semantic", max_tokens=max_tokens)


_SMALL = "".join(f"def f{n}():\n    return {n}\n\n\n" for n in range(4))


def test_small_neighbours_become_one_chunk() -> None:
    assert [chunk.defines for chunk in _cut("a.py", _SMALL, 1_000)] == [("f0", "f1", "f2", "f3")]
    assert [chunk.defines for chunk in _cut("a.py", _SMALL, 20)] == [("f0", "f1"), ("f2", "f3")]


def test_a_function_that_does_not_fit_is_cut_between_statements() -> None:
    text = "def f(a):\n" + "".join(
        f"    if a > {n}:\n        first({n})\n        second({n})\n" for n in range(12)
    )
    chunks = _cut("a.py", text, 70)
    assert len(chunks) > 2
    assert all(chunk.text.startswith("    if ") for chunk in chunks[1:])
    assert {chunk.symbol for chunk in chunks} == {"f"}
    assert [chunk.scope for chunk in chunks] == [()] + [("def f(a)",)] * (len(chunks) - 1)


def test_pieces_of_two_definitions_are_never_merged() -> None:
    """The tail of one long method beside the next one would be a chunk about nothing."""
    body = "".join(f"        step_{n}(self, {n})\n" for n in range(30))
    others = "".join(f"\n    def {name}(self):\n        pass\n" for name in ("second", "third"))
    others = "".join(f"\n    def {name}(self):\n        pass\n" for name in ("second", "third"))
    text = f"class A:\n    def first(self):\n{body}{others}"
    chunks = _cut("a.py", text, 100)
    assert {chunk.symbol for chunk in chunks} == {"A", "A.first"}
    assert chunks[-1].defines == ("A.second", "A.third")


def test_remarks_stay_with_what_stands_below_them() -> None:
    text = "int a(void) {\n  return 1;\n}\n\n/* Frees it. */\nint b(void) {\n  return 2;\n}\n"
    assert [chunk.text.partition("\n")[0] for chunk in _cut("a.c", text, 24)] == [
        "int a(void) {",
        "/* Frees it. */",
    ]


def test_a_tree_deeper_than_the_stack_is_cut() -> None:
    text = "x = (\n    " + "\n    + ".join(f"value_{n}" for n in range(5_000)) + "\n)\n"
    chunks = _cut("a.py", text, 600)
    assert "".join(chunk.text for chunk in chunks) == text
    assert len(chunks) < 80


def test_text_without_a_grammar_is_cut_at_headings() -> None:
    text = "".join(f"# Title {n}\n" + "Some words of prose.\n" * 6 + "\n" for n in range(6))
    chunks = _cut("a.md", text, 60)
    assert len(chunks) == 6
    assert all(chunk.text.startswith("# Title") for chunk in chunks)
