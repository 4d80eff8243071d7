"""MBPP on planted problems, in both layouts of its authors."""

from __future__ import annotations

import json

import pytest

from inhouse.errors import UserMistake
from inhouse.evaluation.suites.execution import reference_answer
from inhouse.evaluation.suites.mbpp import SUITE, problem_tasks, read_problems
from tests.evaluation.asked import completion, project

FULL = {
    "task_id": 12,
    "text": "Write a function to round up.",
    "code": "import math\r\ndef up(x):\r\n    return math.ceil(x)",
    "test_list": ["assert up(1.2) == 2", "assert math.ceil(up(0.5)) == 1"],
    "test_setup_code": "import math",
    "challenge_test_list": [],
}
SANITIZED = {
    "task_id": 13,
    "prompt": "Write a function to add.",
    "code": "def add(a, b):\n    return a + b",
    "test_list": ["assert add(1, 2) == 3"],
    "test_imports": [],
}


def test_references_pass_and_others_do_not(box) -> None:
    tasks = problem_tasks([FULL, SANITIZED])
    good = [completion(one, reference_answer(one)) for one in tasks]
    bad = [
        completion(one, "def up(x):\n    return 1\ndef add(a, b):\n    return 4\n", arm="tuned")
        for one in tasks
    ]
    found = list(SUITE.judge(project(box), tasks, [*good, *bad]))
    assert [(row.measure, row.arm, row.top) for row in found] == [
        ("pass@1", "base", 1.0), ("pass@1", "base", 1.0), ("pass@1", "tuned", 0.0), ("pass@1", "tuned", 0.0),
        ("pass@1 (completion)", "base", 1.0), ("pass@1 (completion)", "base", 1.0),
        ("pass@1 (completion)", "tuned", 0.0), ("pass@1 (completion)", "tuned", 0.0),
    ]  # fmt: skip


def test_a_problem_whose_own_solution_fails_counts_for_nobody(box) -> None:
    tasks = problem_tasks([SANITIZED | {"code": "def add(a, b):\n    return 0"}])
    assert (
        list(SUITE.judge(project(box), tasks, [completion(tasks[0], "def add(a, b):\n    return a + b")]))
        == []
    )


def test_only_the_test_split_is_asked_in_either_layout(tmp_path) -> None:
    rows = [FULL | {"task_id": number} for number in (1, 10, 11, 510, 511)]
    lines, whole = tmp_path / "mbpp.jsonl", tmp_path / "sanitized-mbpp.json"
    lines.write_text("\n".join(map(json.dumps, rows)) + "\n")
    whole.write_text(json.dumps(rows))
    assert [row["task_id"] for row in read_problems(lines)] == [11, 510]
    assert read_problems(lines) == read_problems(whole)


@pytest.mark.parametrize("content", ["", "{}", "[]", '[{"task_id": 12}]', '[{"task_id": 3}]', "nonsense"])
def test_a_file_that_is_something_else_is_one_sentence(tmp_path, content: str) -> None:
    path = tmp_path / "mbpp.jsonl"
    path.write_text(content)
    with pytest.raises(UserMistake, match="MBPP needs"):
        read_problems(path)


def test_without_a_file_the_setting_is_named() -> None:
    with pytest.raises(UserMistake, match=r"generation\.mbpp"):
        SUITE.tasks(project())
