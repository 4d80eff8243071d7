"""A convention counts from 90% on, and an answer that breaks one keeps all the others."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.evaluation.conventions import Profile, profile
from inhouse.evaluation.conventions.profile import line_limit

SITES = 100


def planted(strength: int) -> list[tuple[str, str]]:
    """Return files with 100 multi-word functions, `strength` of them in snake_case."""
    names = [f"read_part{n}_now" if n < strength else f"readPart{n}Now" for n in range(SITES)]
    functions = [f'def {name}(path: str) -> str:\n    return path + "x"\n\n\n' for name in names]
    return [(f"src/part{n}.py", "".join(functions[n::4])) for n in range(4)]


def convention(found: Profile, aspect: str) -> tuple[str, int, int, bool]:
    one = next(one for one in found.habits if one.aspect == aspect)
    return one.value, one.kept, one.sites, one.counts


@pytest.mark.parametrize(
    ("strength", "counts"), [(100, True), (95, True), (90, True), (89, False), (80, False)]
)
def test_only_what_is_kept_nine_times_in_ten_is_a_convention(strength: int, counts: bool) -> None:
    found = profile(planted(strength))
    assert convention(found, "python.function_name") == ("snake_case", strength, SITES, counts)
    assert ("Function names are snake_case." in found.describe(10_000)) is counts
    verdict = found.judge("python", "def writeItDown(path: str) -> str:\n    return path\n", (0, 60))
    broken = [note for note in verdict.notes if "snake_case" in note]
    assert broken == (["Function names are snake_case. Here: writeItDown"] if counts else [])


def test_an_answer_that_breaks_one_convention_keeps_the_others() -> None:
    found = profile(planted(100))
    before, after = "import os\n\n\n", "\n\nBAD_STRINGS = ['a', 'b']\n"
    good = 'def write_it_down(path: str) -> str:\n    return path + "yes"\n'
    for answer, broken in [
        (good, []),
        (good.replace('"', "'"), ["Strings stand in double quotes. Here: 'yes'"]),
        (
            good.replace("path: str", "path"),
            ["All parameters are annotated with types. Here: def write_it_down"],
        ),
        (good.replace("    return", "  return"), ["Blocks are indented by 4 spaces. Here: a block"]),
    ]:
        verdict = found.judge("python", before + answer + after, (len(before), len(before) + len(answer)))
        assert list(verdict.notes) == broken
        assert verdict.kept == verdict.applicable - len(broken)
        assert verdict.applicable == 5  # function name, quotes, both annotations, indentation


def test_code_outside_of_the_span_is_not_judged() -> None:
    found = profile(planted(100))
    text = "x = 1\n" + "def notMine(a):\n  return 'x'\n"
    assert found.judge("python", text, (0, 6)).applicable == 0
    assert found.judge("python", text, (6, len(text))).kept == 0


def test_offsets_are_characters_not_bytes() -> None:
    found = profile(planted(100))
    before = 'WORD = "ääääääääääöööööööö€€€€€€"\n'
    verdict = found.judge("python", f"{before}x = 'y'\n", (len(before), len(before) + 8))
    assert verdict.notes == ("Strings stand in double quotes. Here: 'y'",)


def test_tests_have_habits_of_their_own() -> None:
    loose = "".join(f"def test_thing_{n}(a):\n    assert a == 'x'\n\n\n" for n in range(30))
    found = profile([*planted(100), ("tests/test_a.py", loose), ("tests/test_b.py", loose)])
    answer = "def test_other_thing(a):\n    assert a == 'y'\n"
    assert found.judge("python", answer, (0, len(answer)), "tests/test_c.py").notes == ()
    assert len(found.judge("python", answer, (0, len(answer)), "src/part9.py").notes) == 3
    assert "single quotes" in found.describe(10_000, tests=True)
    assert "single quotes" not in found.describe(10_000)


def test_examples_and_documentation_say_nothing_about_the_code() -> None:
    loose = "".join(f"def doIt{n}Now(a):\n  return 'x'\n\n\n" for n in range(400))
    files = [("docs/conf.py", loose), ("examples/shop/main.py", loose)]
    assert profile([*planted(100), *files]).to_json() == profile(planted(100)).to_json()


def test_a_habit_of_one_file_is_no_convention() -> None:
    text = "".join(text for _, text in planted(100))
    assert profile([("src/all.py", text)]).conventions == ()
    assert profile([("src/all.py", text)]).describe(1_000) == ""


def test_the_description_keeps_within_its_budget_and_its_language() -> None:
    c = "".join(f"static int shop_get_{n}(void) {{\n  return {n};\n}}\n\n" for n in range(20))
    found = profile([*planted(100), ("a.c", c), ("b.c", c)])
    for budget in (0, 30, 100, 200, 2_000):
        assert len(found.describe(budget)) <= budget
    assert found.describe(0) == ""
    assert "Python: Function names are snake_case." in found.describe(2_000).split("\n")
    assert "Names of static functions begin with `shop_`." in found.describe(2_000, "c").split("\n")
    assert "Python" not in found.describe(2_000, "c")


def test_the_json_form_judges_the_same() -> None:
    found = profile(planted(95))
    again = Profile.from_json(json.loads(json.dumps(found.to_json())))
    assert again == found
    answer = "def writeItDown(path):\n    return 'x'\n"
    assert again.judge("python", answer, (0, len(answer))) == found.judge("python", answer, (0, len(answer)))


@pytest.mark.parametrize(
    "text", ["", "def broken(:\n  '", "\0\0", "\ud800", "->" * 20_000, "(" * 5_000, "def f():\n" * 900]
)
def test_any_answer_can_be_judged(text: str) -> None:
    found = profile(planted(100))
    for language in ("python", "c", "rust", ""):
        verdict = found.judge(language, text, (0, len(text)))
        assert 0 <= verdict.kept <= verdict.applicable


@given(st.text(alphabet="def (x):\n\"'#_aB=,@ ", max_size=80), st.integers(0, 40), st.integers(0, 40))
def test_kept_is_applicable_less_one_for_each_note(text: str, start: int, length: int) -> None:
    found = PROFILE.judge("python", text, (start, start + length))
    assert found.kept == found.applicable - len(found.notes)
    assert len(set(found.notes)) == len(found.notes)


PROFILE = profile(planted(100))


def test_a_limit_is_a_cliff_not_a_width_that_most_lines_keep() -> None:
    smooth = [width for width in range(10, 140) for _ in range(max(1, (140 - width) // 8))]
    assert line_limit(smooth, smooth) == 0
    wrapped = [min(width, 88) for width in smooth]
    assert line_limit(wrapped, wrapped) == 88
    assert line_limit([min(width, 80) for width in smooth], [min(width, 80) for width in smooth]) == 80
    assert line_limit([], []) == 0


def test_a_line_beyond_the_limit_is_one_broken_convention() -> None:
    line = "value = " + "a" * 72 + "\n"
    files = [(f"part{n}.py", line * 60) for n in range(3)]
    found = profile(files)
    assert [(one.aspect, one.value) for one in found.conventions] == [("width", "80")]
    assert found.judge("python", line, (0, len(line))).kept == 1
    long = "value = " + "a" * 73 + "\n"
    assert found.judge("python", line + long, (len(line), len(line + long))).notes == (
        "Lines have at most 80 characters. Here: 81",
    )
    assert found.judge("python", long + line, (len(long), len(line + long))).notes == ()
