"""Chat is judged by how answers end and whether their code parses; nothing is run."""

from __future__ import annotations

from collections import Counter

import pytest

from inhouse.evaluation.extraction import extract
from inhouse.evaluation.suites.chat import ENDS, PARSES, SUITE, chat_tasks
from tests.evaluation.asked import completion, project

TASKS = chat_tasks()
PYTHON, C, JAVASCRIPT = (
    next(one for one in TASKS if one.language == name) for name in ("python", "c", "javascript")
)


def judge(of, text: str, finish: str = "stop"):
    one = completion(of, extract(of, text), text=text, finish=finish)
    return {row.measure: (row.top, row.note) for row in SUITE.judge(project(), TASKS, [one])}


def test_there_are_fifty_different_questions() -> None:
    assert len(TASKS) == len({one.id for one in TASKS}) == len({one.group for one in TASKS}) == 50
    assert Counter(one.language for one in TASKS) == {"python": 35, "c": 8, "javascript": 7}
    assert len(SUITE.tasks(project(tasks=20))) == 20


@pytest.mark.parametrize(
    ("of", "code"),
    [(PYTHON, "```python\ndef f():\n    return 1\n```"), (C, "```c\nint f(void)\n{\n    return 1;\n}\n```"),
     (JAVASCRIPT, "```js\nconst f = async (x) => `${x}`;\n```")],
)  # fmt: skip
def test_code_that_parses_in_its_language_counts(of, code: str) -> None:
    assert judge(of, f"Here you are.\n\n{code}\n\nIt works.") == {ENDS: (1.0, ""), PARSES: (1.0, "")}


@pytest.mark.parametrize(
    ("of", "code"),
    [
        (PYTHON, "```python\ndef f(:\n```"),
        (C, "```c\nint f( {{ return\n```"),
        (JAVASCRIPT, "```\nfunction (\n```"),
    ],
)
def test_code_that_does_not_parse_does_not_count(of, code: str) -> None:
    assert judge(of, code)[PARSES] == (0.0, "the code does not parse")


@pytest.mark.parametrize("text", ["", "You should use a dictionary.", PYTHON.instruction])
def test_an_answer_without_code_does_not_count(text: str) -> None:
    assert judge(PYTHON, text)[PARSES] == (0.0, "no code")


def test_a_model_that_never_stops_has_not_ended_its_turn() -> None:
    found = judge(PYTHON, "```python\nx = 1\n```\n" + "And again. " * 200, "length")
    assert found == {ENDS: (0.0, "went on for 1 tokens"), PARSES: (1.0, "")}
