"""Tasks of one's own: as many forms as people have tests, and one sentence for every mistake."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from inhouse.errors import UserMistake
from inhouse.evaluation.suites import find_suite
from inhouse.evaluation.suites.user_tasks import read_tasks, user_suite
from inhouse.evaluation.tasks import TaskFile
from tests.evaluation.asked import completion, project

SLUG = {
    "name": "slug",
    "prompt": "Write slugify(title): lower case, words joined by SEPARATOR of text/words.py.",
    "path": "text/slug.py",
    "files": {"text/__init__.py": "", "text/words.py": "SEPARATOR = '-'\n"},
    "tests": {
        "tests/test_slug.py": "from text.slug import slugify\n\n\n"
        "def test_words():\n    assert slugify('A b') == 'a-b'\n"
    },
    "reference": "from text.words import SEPARATOR\n\n\n"
    "def slugify(title):\n    return SEPARATOR.join(title.lower().split())\n",
}
ADD = {
    "prefix": "def add(a, b):\n",
    "suffix": "\n\n\nONE = add(0, 1)\n",
    "tests": "assert add(1, 2) == 3\nassert ONE == 1\n",
    "reference": "    return a + b",
}


def suite(folder, *rows):
    path = folder / "own.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return user_suite(f"user:{path}")


def judge(found, box, tasks, *answers):
    rows = found.judge(project(box), tasks, [completion(one, text) for one, text in answers])
    return [(row.group, row.top) for row in rows]


def test_answers_are_judged_by_pytest_beside_the_files(box, tmp_path) -> None:
    found = suite(tmp_path, SLUG)
    (one,) = found.tasks(project())
    wrong = "def slugify(title):\n    return title\n"
    ending = "import os\nos._exit(0)\n"
    answers = [(one, SLUG["reference"]), (one, wrong), (one, ending), (one, "")]
    assert judge(found, box, [one], *answers) == [("slug", 1.0), ("slug", 0.0), ("slug", 0.0), ("slug", 0.0)]


def test_answers_are_judged_by_a_program_in_their_gap(box, tmp_path) -> None:
    found = suite(tmp_path, ADD)
    (one,) = found.tasks(project())
    answers = [(one, "    return a + b"), (one, "    return a - b"), (one, "    return 3")]
    assert judge(found, box, [one], *answers) == [("line 1", 1.0), ("line 1", 0.0), ("line 1", 0.0)]


def test_a_reference_that_does_not_pass_is_told(box, tmp_path) -> None:
    found = suite(tmp_path, ADD | {"reference": "    return 0"})
    tasks = found.tasks(project())
    with pytest.raises(UserMistake, match="reference of a task of your own must pass"):
        judge(found, box, tasks, (tasks[0], "    return a + b"))


def test_tests_are_not_shown_and_files_are(tmp_path) -> None:
    (one,) = suite(tmp_path, SLUG).tasks(project())
    assert one.context == (TaskFile("text/__init__.py", ""), TaskFile("text/words.py", "SEPARATOR = '-'\n"))
    assert "test_words" not in one.instruction + one.prefix + "".join(file.text for file in one.context)


def test_a_file_is_a_suite_by_its_name(tmp_path) -> None:
    named = suite(tmp_path, SLUG)
    assert find_suite(named.name) == named
    assert find_suite(named.answers_of) == named


def test_the_same_task_is_the_same_in_another_file(tmp_path) -> None:
    first = suite(tmp_path, SLUG).tasks(project())[0]
    (tmp_path / "b").mkdir()
    second = suite(tmp_path / "b", SLUG).tasks(project())[0]
    assert first.id == second.id
    assert first == replace(second, suite=first.suite)


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ({"prompt": "Do it.", "reference": "x"}, "needs tests"),
        ({"prompt": "Do it.", "tests": {}, "reference": "x"}, "needs tests"),
        ({"prompt": "Do it.", "tests": "assert x"}, "needs a reference"),
        ({"tests": "assert x", "reference": "x"}, "a prompt or a prefix"),
        ({"prompt": "Do it.", "tests": "assert x", "reference": "x", "test": 1}, "no other keys"),
        ({"prompt": "Do it.", "tests": "assert x", "reference": "x", "files": ["a"]}, "paths and texts"),
        ({"prompt": "Do it.", "tests": "x", "reference": "x", "command": ["make"]}, "tests as files"),
        (["no", "object"], "one JSON object"),
    ],
)
def test_a_mistake_names_its_line_and_the_rule(tmp_path, row, rule: str) -> None:
    with pytest.raises(UserMistake, match=rf"{rule}.*own\.jsonl:2"):
        suite(tmp_path, SLUG, row).tasks(project())


def test_broken_json_an_empty_file_and_no_file_are_one_sentence(tmp_path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text("{\n")
    with pytest.raises(UserMistake, match=r"own\.jsonl:1"):
        read_tasks(path, "user:x")
    path.write_text("\n")
    with pytest.raises(UserMistake, match="needs a task"):
        read_tasks(path, "user:x")
    with pytest.raises(UserMistake, match="file of JSON lines"):
        user_suite("user:nowhere.jsonl")
