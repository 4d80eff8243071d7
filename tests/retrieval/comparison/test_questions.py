"""Questions hold nothing of the answer, and what is indexed holds nothing of the question."""

from __future__ import annotations

import pytest

from inhouse.retrieval.comparison.questions import definition_questions, without

_PYTHON = '''import time


class Clock:
    """Tells what time it is in this place."""

    def wait(self, seconds):
        """Let `wait` sleep until so many seconds have gone by.

        Not in the question.
        """
        begun = time.monotonic()
        while time.monotonic() < begun + seconds:
            pass
        return begun


def copied():
    """Stands in two places word by word."""
    first = 1
    return first


def again():
    """Stands in two places word by word."""
    second = 2
    return second


def nothing():
    """This one has no body but these words."""


def short():
    """Too short."""
    third = 3
    return third
'''
_C = """#include <a.h>

int other(void); /* behind code */
/* Gives back the memory that
 * a loop has taken. */
// uv_free never fails.
static void uv_free(void* memory) {
  if (memory)
    free(memory);
}
"""


def _asked(path: str, text: str) -> tuple[list[str], str, list[str]]:
    """Return the questions, the text that is indexed, and what is wanted of it."""
    questions, removed = definition_questions([(path, text)], 10, 0)
    indexed = without(text, removed.get(path, []))
    targets = [target for question in questions for target in question.targets]
    wanted = [indexed.encode()[target.start : target.end].decode() for target in targets]
    return [question.text for question in questions], indexed, wanted


def test_a_docstring_is_asked_without_the_name_and_wanted_is_the_rest_of_its_function() -> None:
    asked, indexed, wanted = _asked("a.py", _PYTHON)
    assert asked == ["Let sleep until so many seconds have gone by."]
    assert "gone by" not in indexed
    assert "Not in the question" not in indexed
    assert wanted == [
        "def wait(self, seconds):\n        begun = time.monotonic()\n"
        "        while time.monotonic() < begun + seconds:\n            pass\n        return begun"
    ]
    assert indexed.count("Stands in two places") == 2


def test_a_comment_is_asked_and_cut_out_with_all_its_lines() -> None:
    asked, indexed, wanted = _asked("a.c", _C)
    assert asked == ["Gives back the memory that a loop has taken. never fails."]
    assert indexed.startswith("#include <a.h>\n\nint other(void); /* behind code */\nstatic void uv_free")
    assert wanted == ["static void uv_free(void* memory) {\n  if (memory)\n    free(memory);\n}"]


def test_what_is_wanted_moves_with_everything_that_was_cut_out_before_and_inside() -> None:
    text = "".join(
        f'def f{n}(a):\n    """Question number {word} of some."""\n    b = a\n    c = b\n    return c\n'
        for n, word in enumerate(("one", "two", "three"))
    )
    text += (
        'def outer():\n    """An outer one holds something else."""\n    def inner():\n'
        '        """An inner one is held by something."""\n        a = 1\n        b = 2\n        return a\n'
        "    return inner\n"
    )
    asked, indexed, wanted = _asked("a.py", text)
    assert len(asked) == 5
    assert '"""' not in indexed
    assert sorted(one.partition("(")[0] for one in wanted) == [
        "def f0",
        "def f1",
        "def f2",
        "def inner",
        "def outer",
    ]
    assert all(one.endswith(("return c", "return a", "return inner")) for one in wanted)


def test_a_docstring_of_another_file_makes_two() -> None:
    lonely = 'def f():\n    """Reads the whole configuration of a project."""\n    a = 1\n    return a\n'
    assert len(definition_questions([("a.py", lonely)], 10, 0)[0]) == 1
    assert definition_questions([("a.py", lonely), ("b.py", lonely)], 10, 0) == ([], {})


@pytest.mark.parametrize("path", ["tests/test_a.py", "a.md", "a.unknown"])
def test_tests_and_prose_are_not_asked_for(path: str) -> None:
    assert definition_questions([(path, _PYTHON)], 10, 0) == ([], {})


def test_the_choice_hangs_on_the_seed_alone_and_is_spread_over_files() -> None:
    one = "".join(
        f'def f{n}(a):\n    """Question number n{n} out of FILE for everybody."""\n    b = a\n    return b\n'
        for n in range(30)
    )
    files = [(f"{name}.py", one.replace("FILE", name * 3)) for name in "abcd"]
    first, _ = definition_questions(files, 20, 0)
    again, _ = definition_questions(reversed(files), 20, 0)
    other, _ = definition_questions(files, 20, 1)
    assert [question.text for question in first] == [question.text for question in again]
    assert [question.text for question in first] != [question.text for question in other]
    most, _ = definition_questions(files, 200, 0)
    assert len(most) == 4 * 12
