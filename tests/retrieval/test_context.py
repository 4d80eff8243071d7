"""Context never costs more than it may, and says nothing twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inhouse.records import Chunk, Hit
from inhouse.retrieval.chunking import chunk_file
from inhouse.retrieval.context import assemble

_TEXT = "import os\n\n\n" + "\n\n".join(
    f"def function_{number}(first, second):\n    total = first + {number}\n    return os.sep * total\n"
    for number in range(8)
)


def _hits(text: str = _TEXT, path: str = "a.py") -> list[Hit]:
    return [Hit(chunk, 1.0, "") for chunk in chunk_file(path, text) if chunk.symbol]


@given(st.permutations(_hits()), st.integers(0, 400), st.integers(1, 7))
def test_the_budget_is_never_exceeded(hits: list[Hit], budget: int, divisor: int) -> None:
    def count(text: str) -> int:
        return len(text) // divisor + 1

    context = assemble(hits, budget, count)
    assert context.tokens <= budget
    assert context.tokens == (count(context.text) if context.text else 0)
    places = [(chunk.path, chunk.start) for chunk in context.chunks]
    assert len(set(places)) == len(places)


def test_the_best_hit_stands_last_and_each_says_where_it_is_from() -> None:
    context = assemble(_hits()[:2], 10_000, len)
    assert [chunk.symbol for chunk in context.chunks] == ["function_1", "function_0"]
    assert context.text.startswith("# a.py:")
    assert context.text.index("function_1") < context.text.index("function_0")


def test_what_the_model_sees_anyway_is_left_out() -> None:
    hits = _hits()[:2]
    context = assemble(hits, 10_000, len, already=f"    {hits[0].chunk.text}")
    assert [chunk.symbol for chunk in context.chunks] == ["function_1"]


def test_a_body_that_does_not_fit_becomes_its_first_lines_and_then_its_signature() -> None:
    body = "def long(first):\n" + "".join(f"    step_{number}()\n" for number in range(40))
    hits = _hits(body, "b.py")
    whole = assemble(hits, 10_000, len).text
    shorter = assemble(hits, 300, len).text
    signature = assemble(hits, 45, len).text
    assert whole.count("step_") == 40
    assert 3 <= shorter.count("step_") < 40
    assert signature == "# b.py:1-41\ndef long(first):\n"
    assert assemble(hits, 10, len).text == ""


def test_overlapping_chunks_are_not_shown_twice() -> None:
    hit = _hits()[0]
    part = Chunk("a.py", "python", "x", (), (), 1, 2, hit.chunk.start, hit.chunk.start + 5, "other words\n")
    assert len(assemble([hit, Hit(part, 0.5, "")], 10_000, len).chunks) == 1


def test_comments_of_c_mark_chunks_of_c() -> None:
    assert assemble(_hits("int f(void) {\n  return 1;\n}\n", "a.c"), 1_000, len).text.startswith("// a.c:1-3")
