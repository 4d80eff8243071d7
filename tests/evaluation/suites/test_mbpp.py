"""MBPP on planted problems, in both layouts of its authors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from inhouse.errors import UserMistake
from inhouse.evaluation.suites.execution import reference_answer
from inhouse.evaluation.suites.mbpp import SUITE, problem_tasks, program, read_problems
from tests.evaluation.asked import completion, project

if TYPE_CHECKING:
    from pathlib import Path

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


SHOWN = [
    SANITIZED | {"task_id": number, "code": f"def add(a, b):\n    return a + b  # {number}"}
    for number in (2, 3, 4)
]


def asked(folder: Path, *rows: dict[str, object]) -> list:
    path = folder / "mbpp.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*SHOWN, *rows]))
    return problem_tasks(read_problems(path))


def test_references_pass_and_others_do_not(box, tmp_path) -> None:
    tasks = asked(tmp_path, FULL, SANITIZED)
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


def test_a_problem_whose_own_solution_fails_counts_for_nobody(box, tmp_path) -> None:
    tasks = asked(tmp_path, SANITIZED | {"code": "def add(a, b):\n    return 0"})
    assert (
        list(SUITE.judge(project(box), tasks, [completion(tasks[0], "def add(a, b):\n    return a + b")]))
        == []
    )


def test_what_the_prompt_shows_solved_is_no_part_of_the_program(tmp_path) -> None:
    """The shown solutions stand in the prefix: laid before the answer they could pass for it."""
    _, completed = asked(tmp_path, SANITIZED)
    assert "return a + b  # 2" in completed.prefix
    assert program(completed, "def add(a, b): ...\n") == "def add(a, b): ...\n\n"


def test_only_the_test_split_is_asked_in_either_layout(tmp_path) -> None:
    rows = [FULL | {"task_id": number} for number in (511, 510, 11, 10, 4, 3, 2, 1)]
    lines, whole = tmp_path / "mbpp.jsonl", tmp_path / "sanitized-mbpp.json"
    lines.write_text("\ufeff" + "\r\n".join(map(json.dumps, rows)) + "\r\n\r\n", newline="")
    whole.write_text(json.dumps(rows, indent=2))
    problems = read_problems(lines)
    assert [one.number for one in problems.shown] == [2, 3, 4]
    assert [one.number for one in problems.asked] == [11, 510]
    assert problems == read_problems(whole)
    assert problems.asked[0].solution == "import math\ndef up(x):\n    return math.ceil(x)"


def test_both_layouts_bring_what_their_assertions_need(tmp_path) -> None:
    """The full file names it in test_setup_code, the sanitized one in test_imports."""
    imports = SANITIZED | {"task_id": 14, "test_imports": ["import math", "import re"]}
    programs = [one.check.source for one in asked(tmp_path, FULL, imports)]
    assert programs[0] == "import math\nassert up(1.2) == 2\nassert math.ceil(up(0.5)) == 1\n"
    assert programs[2] == "import math\nimport re\nassert add(1, 2) == 3\n"


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", '[{"task_id": 12}]', "nonsense", "[1]", "3",
     json.dumps([FULL | {"test_list": []}]),
     json.dumps([FULL]), json.dumps(SHOWN)],  # nothing to show, nothing to ask
)  # fmt: skip
def test_a_file_that_is_something_else_is_one_sentence(tmp_path, content: str) -> None:
    path = tmp_path / "mbpp.jsonl"
    path.write_text(content)
    with pytest.raises(UserMistake, match="MBPP needs"):
        read_problems(path)


def test_without_a_file_the_setting_is_named() -> None:
    with pytest.raises(UserMistake, match=r"generation\.mbpp"):
        SUITE.tasks(project())
