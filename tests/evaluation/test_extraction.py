"""What counts as the answer: models that say too much, too little, nothing, or the question again."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import inhouse
from inhouse.evaluation.extraction import code_blocks, extract, parses
from inhouse.evaluation.mining.places import find_places, unsuitable
from inhouse.evaluation.prompts import gap_space
from inhouse.evaluation.prompts import given as given_space
from tests.evaluation.asked import task

GAP = task()
CHAT = task(
    path="",
    kind="user",
    prefix="",
    suffix="",
    instruction="Write area(w, h).\n```python\ndef area(w, h):\n    pass\n```",
    reference="def area(w, h):\n    return w * h\n",
)
COMPLETION = task(kind="humaneval", path="", suffix="", prefix="def area(w, h):\n    '''Area.'''\n")
C_GAP = task(
    language="c",
    path="a.c",
    prefix="int area(int w, int h)\n{\n",
    reference="    return w * h;\n}",
    suffix="\n\nint other(void);\n",
)


# ------------------------------------------------------------------ gaps in files


def test_the_model_is_given_the_indentation_but_for_its_last_blank() -> None:
    assert given_space(GAP) == "\n   "
    assert given_space(task(prefix="x = [\n", reference="1,\n]")) == "\n"
    assert given_space(task(prefix="def f():\n\t'''D.'''\n", reference="\treturn 1")) == "\n"
    assert given_space(task(prefix="def f():", reference=" return 1")) == ""


def test_an_answer_fits_between_prefix_and_suffix() -> None:
    answer = extract(GAP, " return w * h\n\n\ndef next():\n    pass\n")
    assert answer == "    return w * h"
    assert GAP.prefix + answer + GAP.suffix == GAP.prefix + GAP.reference + GAP.suffix


def test_a_block_ends_where_the_indentation_does() -> None:
    text = " if w:\n        return h\n    return w * h\nprint(area(1, 2))\n    return 0\n"
    assert extract(GAP, text) == "    if w:\n        return h\n    return w * h"


def test_a_less_indented_line_inside_of_brackets_or_strings_does_not_end_the_block() -> None:
    text = ' text = """\nfirst\n"""\n    return [\n  w,\n]\nclass Next:\n    pass\n'
    assert extract(GAP, text) == '    text = """\nfirst\n"""\n    return [\n  w,\n]'


def test_a_gap_on_the_line_of_the_signature_ends_where_the_function_does() -> None:
    """The comment belongs to the signature's line, so the block's indentation is not its own."""
    one = task(
        prefix="class A:\n    def f(self):", reference="  # type: ignore\n        return 1", suffix="\n"
    )
    assert (
        extract(one, " # type: ignore\n        return 1\n\n    def g(self):\n        return 2\n")
        == one.reference
    )
    short = task(prefix="def f():", reference=" return 1", suffix="\n")
    assert extract(short, " return 1\ndef g(): return 2\n") == " return 1"


def test_what_people_wrote_is_found_whole_in_what_they_wrote_next() -> None:
    """A model that writes the reference and goes on with the file must have written the reference."""
    package = Path(inhouse.__file__).parent
    seen = 0
    for path in sorted(package.glob("e*/*.py")):
        for place in find_places(path.name, path.read_text(encoding="utf-8"), "python"):
            if not unsuitable(place):
                one = task(prefix=place.prefix, reference=place.reference, suffix=place.suffix)
                text = (gap_space(one) + place.reference.lstrip())[len(given_space(one)) :]
                assert extract(one, text + place.suffix) == place.reference, f"{path.name} {place.name}"
                seen += 1
    assert seen > 200


def test_a_reference_with_a_line_end_gets_answers_with_one() -> None:
    assert extract(task(reference="    return w * h\n"), " return w\n\n\n") == "    return w\n"


@pytest.mark.parametrize("text", ["", "\n\n", "   \n\t\n"])
def test_a_model_that_writes_nothing_has_no_answer(text: str) -> None:
    assert [extract(one, text) for one in (GAP, C_GAP, CHAT)] == ["", "", ""]
    assert extract(COMPLETION, text).strip() == ""


def test_a_model_that_repeats_the_prompt_is_heard_after_it() -> None:
    repeated = GAP.prefix + "    return w * h\n"
    assert extract(GAP, repeated) == "    return w * h"
    assert extract(COMPLETION, f"\n{COMPLETION.prefix}    return w * h\n") == "\n    return w * h\n"


def test_a_model_that_repeats_nothing_but_the_prompt_has_no_answer() -> None:
    assert extract(GAP, GAP.prefix) == ""
    assert extract(COMPLETION, COMPLETION.prefix).strip() == ""


def test_a_body_that_begins_like_a_bracket_of_the_prefix_is_no_repetition() -> None:
    one = task(prefix="CALLS = [\n    call(\n", reference="    call(\n    ),\n]", suffix="\n")
    assert extract(task(prefix="x = (\n    (\n", reference="    (\n    ))"), "(\n    1))") == "    (\n    1))"
    assert extract(one, " other(\n    ),\n]") == "    other(\n    ),"  # the bracket is indented less


def test_a_model_that_goes_on_for_ever_is_cut_at_the_end_of_the_block() -> None:
    endless = " return w * h\n" + "\ndef again():\n    return 1\n" * 500
    assert extract(GAP, endless) == "    return w * h"


def test_a_brace_closes_a_block_of_c() -> None:
    text = " if (w) { return h; }\n    return w * h; /* } */\n}\n\nint main() { return 1; }\n"
    assert extract(C_GAP, text) == "    if (w) { return h; }\n    return w * h; /* } */\n}"


def test_the_closing_brace_is_left_to_a_suffix_that_has_it() -> None:
    one = task(language="javascript", prefix="function f() {\n", reference="  return '}';", suffix="\n}\n")
    assert extract(one, " return '}' + `}`;\n}\nf();\n") == "  return '}' + `}`;"


@given(st.text(alphabet=st.sampled_from(" \n\tab():#'\"{}[]`def"), max_size=80))
def test_an_answer_is_part_of_what_was_written_whatever_it_was(text: str) -> None:
    for one in (GAP, C_GAP):
        began = given_space(one) if text[:1].isspace() else given_space(one) + " "
        assert extract(one, text).strip() in began + text


# ------------------------------------------------------------------ chat


def test_the_block_that_defines_what_was_asked_is_the_answer() -> None:
    text = "First:\n```bash\npip install x y z and more words\n```\n"
    text += "Then:\n```python\ndef area(w, h):\n    return w\n```\n"
    assert extract(CHAT, text) == "def area(w, h):\n    return w\n"


def test_a_block_that_repeats_the_question_is_not_the_answer() -> None:
    text = (
        "```python\ndef area(w, h):\n    pass\n```\nHere:\n```python\ndef area(w, h):\n    return w * h\n```"
    )
    assert extract(CHAT, text) == "def area(w, h):\n    return w * h\n"


def test_a_model_that_only_repeats_the_question_has_no_answer() -> None:
    assert extract(CHAT, CHAT.instruction) == ""


def test_a_block_that_is_never_closed_ends_with_the_text() -> None:
    assert extract(CHAT, "Sure!\n```python\ndef area(w, h):\n    return w * h") == (
        "def area(w, h):\n    return w * h"
    )


def test_without_a_block_the_lines_that_parse_are_the_answer() -> None:
    code = "from math import pi\ndef area(w, h):\n    return w * h\n"
    text = f"Here is the function.\n\n{code}\nIt multiplies them."
    assert extract(CHAT, text) == "from math import pi\ndef area(w, h):\n    return w * h\n"


def test_prose_without_code_is_no_answer() -> None:
    assert extract(CHAT, "I would multiply the width by the height.") == ""


def test_without_the_name_the_longest_block_is_the_answer() -> None:
    assert extract(CHAT, "```\nx\n```\n~~~python\nlonger = 1\n~~~\n") == "longer = 1\n"


def test_a_given_beginning_opens_the_block() -> None:
    one = task(
        kind="humaneval", path="", prefix="", suffix="", instruction="Area?", reference="def area(): ..."
    )
    assert extract(one, "def area():\n    return 1\n```\nThis is it.") == "def area():\n    return 1\n"


def test_blocks_keep_their_language_and_inner_white_space() -> None:
    text = "a\n``` Python\n\n  x\n```\n~~~\ny\n~~~"
    assert code_blocks(text) == [("python", "\n  x\n"), ("", "y\n")]


def test_a_question_is_answered_by_the_whole_text() -> None:
    assert extract(task(kind="question", prefix="", instruction="Who?"), " The caller.\n") == "The caller."


@pytest.mark.parametrize("code", ["(" * 5000, "x = '\0'", "def f(:", "if True:\n\treturn\n  x"])
def test_hostile_code_does_not_parse_and_harms_nobody(code: str) -> None:
    assert parses(code) is False


def test_code_with_an_invalid_escape_parses_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    assert parses("x = '\\d'") is True
    assert len(recwarn) == 0
