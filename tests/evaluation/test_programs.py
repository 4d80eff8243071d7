"""What of a model's program is tested."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.evaluation.programs import definitions

FUNCTION = "def add(a, b):\n    return a + b\n"


@pytest.mark.parametrize(
    "after",
    [
        "print(add(1, 2))\n",
        "assert add(1, 2) == 4\n",
        "if __name__ == '__main__':\n    raise SystemExit(0)\n",
        "add(1, 2)\nmissing_name\n",
    ],
)
def test_what_a_program_does_besides_defining_is_left_out(after: str) -> None:
    assert definitions(f"{FUNCTION}\n{after}") == FUNCTION


def test_an_answer_cut_in_the_midst_of_its_examples_keeps_its_function() -> None:
    assert definitions(f"{FUNCTION}\ncases = [1, 2,\n  3, 4") == FUNCTION


def test_imports_constants_decorators_and_classes_stay_in_their_order() -> None:
    code = (
        "import math\nfrom functools import cache\n\nLIMIT: int = 3\nLIMIT += 1\n\n"
        "@cache\ndef f(x):\n    return math.floor(x)\n\nclass A:\n    y = 1\n"
    )
    assert definitions(code) == code.replace("\n\n", "\n")


@pytest.mark.parametrize("text", ["", "I cannot do that.", "print(1)\n", "def f(:\n"])
def test_a_text_that_defines_nothing_stays_as_it_is(text: str) -> None:
    assert definitions(text) == text


def test_two_statements_on_a_line_stand_there_once() -> None:
    assert definitions("a = 1; b = 2\n") == "a = 1; b = 2\n"


@given(
    st.lists(
        st.sampled_from([FUNCTION, "x = 1\n", "print(1)\n", "class A:\n    pass\n", "(\n", "\n"]), max_size=8
    )
)
def test_the_result_parses_and_is_kept_when_taken_again(parts: list[str]) -> None:
    found = definitions("".join(parts))
    if found != "".join(parts):
        ast.parse(found)
    assert definitions(found) == found
