"""Tasks of one's own: as many forms as people have tests, and one sentence for every mistake."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from inhouse.config import Generation
from inhouse.errors import UserMistake
from inhouse.evaluation.arms import ARMS
from inhouse.evaluation.generation import generate_and_judge
from inhouse.evaluation.suites import find_suite
from inhouse.evaluation.suites.user_tasks import read_tasks, user_suite
from inhouse.evaluation.tasks import TaskFile
from tests.evaluation.asked import TellingEngine, completion, project

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
    "prefix": 'def add(a, b):\n    """Return the sum."""\n',
    "suffix": "\n\n\nONE = add(0, 1)\n",
    "tests": "assert add(1, 2) == 3\nassert ONE == 1\n",
    "reference": "    return a + b",
}
HALF = {
    "path": "half.c",
    "language": "c",
    "prompt": "Write half(n) in C: half of a number, rounded down.",
    "tests": {
        "half_test.c": "#include <stdio.h>\nint half(int n);\n"
        "int main(void)\n{\n    if (half(5) != 2)\n        return 1;\n"
        '    puts("ok 1 - half");\n    return 0;\n}\n'
    },
    "command": ["sh", "-c", "cc half.c half_test.c -o half_test && ./half_test"],
    "reference": "int half(int n)\n{\n    return n / 2;\n}\n",
}


def suite(folder, *rows):
    path = folder / "own.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return user_suite(f"user:{path}")


def read(folder, *rows):
    """Return the suite of a file and its tasks, which are not proved yet."""
    found = suite(folder, *rows)
    return found, read_tasks(found.path, found.name)


def judge(found, box, tasks, *answers):
    rows = found.judge(project(box), tasks, [completion(one, text) for one, text in answers])
    return [(row.group, row.top) for row in rows]


def test_answers_are_judged_by_pytest_beside_the_files(box, tmp_path) -> None:
    found, (one,) = read(tmp_path, SLUG)
    wrong = "def slugify(title):\n    return title\n"
    ending = "import os\nos._exit(0)\n"
    answers = [(one, SLUG["reference"]), (one, wrong), (one, ending), (one, "")]
    assert judge(found, box, [one], *answers) == [("slug", 1.0), ("slug", 0.0), ("slug", 0.0), ("slug", 0.0)]


def test_answers_are_judged_by_a_program_in_their_gap(box, tmp_path) -> None:
    found, (one,) = read(tmp_path, ADD)
    answers = [(one, "    return a + b"), (one, "    return a - b"), (one, "    return 3")]
    assert judge(found, box, [one], *answers) == [("line 1", 1.0), ("line 1", 0.0), ("line 1", 0.0)]


def test_a_reference_that_does_not_pass_is_told_before_a_model_is_asked(box, tmp_path) -> None:
    found = suite(tmp_path, SLUG, ADD | {"reference": "    return 0"})
    with pytest.raises(UserMistake, match=r"must pass its tests: .*own\.jsonl, line 2 \(.*AssertionError"):
        found.tasks(project(box))
    assert [one.group for one in suite(tmp_path, SLUG).tasks(project(box))] == ["slug"]


def test_a_reference_that_passes_by_chance_is_told(box, tmp_path) -> None:
    chance = "import time\nassert add(1, 2) == 3\nassert (time.time_ns() // 1_000) % 2\n"
    rows = [ADD | {"tests": chance, "name": f"task {n}"} for n in range(12)]  # all pass: one in 100,000
    with pytest.raises(UserMistake, match="must pass its tests"):
        suite(tmp_path, *rows).tasks(project(box))


def test_a_file_that_the_answer_replaces_is_shown_and_does_not_stand_in_for_the_answer(box, tmp_path) -> None:
    old = {"text/slug.py": "def slugify(title):\n    return ''\n"}
    found, (one,) = read(tmp_path, SLUG | {"files": SLUG["files"] | old})
    assert old["text/slug.py"] in [file.text for file in one.context]
    wrong = "def slugify(title):\n    return ''\n"
    assert judge(found, box, [one], (one, SLUG["reference"]), (one, wrong)) == [("slug", 1.0), ("slug", 0.0)]


def test_files_that_tests_need_are_not_taken_for_tests(box, tmp_path) -> None:
    needed = {"tests/__init__.py": "", "tests/names.json": '["A b"]', "tests/conftest.py": ""}
    found, (one,) = read(tmp_path, SLUG | {"tests": SLUG["tests"] | needed})
    assert one.check.tests == ("tests/test_slug.py",)
    assert judge(found, box, [one], (one, SLUG["reference"])) == [("slug", 1.0)]


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_answers_are_judged_by_a_command_that_the_reference_passes_first(box, tmp_path) -> None:
    found = suite(tmp_path, HALF, HALF | {"reference": "int half(int n)\n{\n    return n;\n}\n"})
    one, broken = read_tasks(found.path, found.name)
    seen = project(box)
    seen.repository = SimpleNamespace(path=tmp_path)
    silent = "#include <stdlib.h>\n__attribute__((constructor)) static void f(void) { exit(0); }\n"
    answers = [
        HALF["reference"],
        "int half(int n)\n{\n    return n;\n}\n",
        f"{silent}int half(int n) {{ return 2; }}\n",
    ]
    rows = list(found.judge(seen, [one], [completion(one, text) for text in answers]))
    assert [row.top for row in rows] == [1.0, 0.0, 0.0]
    assert rows[2].note == "reports 0 of 1 passed tests"
    with pytest.raises(UserMistake, match="line 2"):
        found.tasks(seen)
    with pytest.raises(UserMistake, match="line 2"):
        list(found.judge(seen, [broken], [completion(broken, HALF["reference"])]))


def test_python_tests_run_in_the_environment_that_the_settings_name(box, tmp_path) -> None:
    found, (one,) = read(
        tmp_path, ADD | {"tests": f"import sys\nassert sys.executable == {sys.executable!r}\n"}
    )
    seen = project(box)
    seen.settings = seen.settings.model_copy(
        update={"execution": seen.settings.execution.model_copy(update={"python": sys.executable})}
    )
    seen.repository = SimpleNamespace(path=tmp_path)
    rows = list(found.judge(seen, [one], [completion(one, ADD["reference"])]))
    assert [row.top for row in rows] == [1.0]
    missing = seen.settings.execution.model_copy(update={"python": "/nowhere/python"})
    seen.settings = seen.settings.model_copy(update={"execution": missing})
    with pytest.raises(UserMistake, match=r"execution\.python is an interpreter"):
        list(found.judge(seen, [one], [completion(one, ADD["reference"])]))


# ------------------------------------------------------------------ models that do not answer

ASKED = {
    "prompt": "Write slugify(title): lower case, words joined by a hyphen.",
    "tests": "assert slugify('A b') == 'a-b'\n",
    "reference": "def slugify(title):\n    return '-'.join(title.lower().split())\n",
}
_BLOCK = "```python\n{}```\n"
CHAT_ANSWERS = {
    "nothing": "",
    "no code": "I am sorry, I cannot help with that.",
    "no block": f"Here it is.\n\n{ASKED['reference']}\nI hope that this helps.",
    "the question": f"{ASKED['prompt']}\n" + _BLOCK.format(f"{ASKED['prompt']}\n"),
    "forever": _BLOCK.format(ASKED["reference"]) + "And again. " * 200,
    "an endless block": "```python\n" + "# and again\n" * 200,
    "a block": _BLOCK.format(ASKED["reference"]),
}
GAP_ANSWERS = {
    "nothing": "",
    "blanks": "\n\n   \n",
    "the prompt": ADD["prefix"],
    "the prompt and on": f"{ADD['prefix']}    return a + b\n",
    "forever": "return a + b\n" + "\n\ndef more():\n    return 1\n" * 40,
    "the answer": " return a + b",
}


def told(bench, tokenizer, found, box, text, tasks):
    """Return how an answer is judged that a model gives at once, cut where its tokens end."""
    told = replace(bench, engine=TellingEngine(tokenizer, lambda request: text))
    seen = project(box, samples=1, sampled_tasks=0, max_new_tokens=400)
    settings = Generation(samples=1, sampled_tasks=0, max_new_tokens=400)
    folder = bench.folder / f"answers-{abs(hash(text))}"
    seen.settings = seen.settings.model_copy(update={"generation": settings})
    return generate_and_judge(told, seen, found, tasks, ARMS[:1], folder)


@pytest.mark.parametrize(
    ("kind", "row", "answers", "passes"),
    [
        ("chat", ASKED, CHAT_ANSWERS, {"no block", "forever", "a block"}),
        ("gap", ADD, GAP_ANSWERS, {"the prompt and on", "forever", "the answer"}),
    ],
)
def test_whatever_a_model_says_is_one_verdict(
    bench, tokenizer, box, tmp_path, kind, row, answers, passes
) -> None:
    found, tasks = read(tmp_path, row)
    passed, notes = set(), {}
    for name, text in answers.items():
        (completion_,), (judged,) = told(bench, tokenizer, found, box, text, tasks)
        notes[name] = judged.note
        passed |= {name} if judged.top else set()
        assert judged.bottom == 1.0
        assert completion_.finish == ("length" if name in ("forever", "an endless block") else "stop")
    assert passed == passes
    empty = {"nothing", "no code", "the question", "blanks", "the prompt"} & answers.keys()
    assert {name for name, note in notes.items() if note == "nothing was written"} == empty


def test_an_answer_that_runs_forever_or_floods_is_stopped_and_wrong(box, tmp_path) -> None:
    found, (one,) = read(tmp_path, ADD)
    loops = "    while True:\n        pass"
    floods = "    while True:\n        print('x' * 10_000)"
    rows = list(found.judge(project(box), [one], [completion(one, loops), completion(one, floods)]))
    assert [row.top for row in rows] == [0.0, 0.0]
    stopped = ("hit its limit of", "the candidate ended its process")  # whichever limit comes first
    assert [row.note.startswith(stopped) for row in rows] == [True, True]


def test_tests_are_not_shown_and_files_are(tmp_path) -> None:
    _, (one,) = read(tmp_path, SLUG)
    assert one.context == (TaskFile("text/__init__.py", ""), TaskFile("text/words.py", "SEPARATOR = '-'\n"))
    assert "test_words" not in one.instruction + one.prefix + "".join(file.text for file in one.context)


def test_a_file_is_a_suite_by_its_name(tmp_path) -> None:
    named = suite(tmp_path, SLUG)
    assert find_suite(named.name) == named
    assert find_suite(named.answers_of) == named


def test_the_same_task_is_the_same_in_another_file(tmp_path) -> None:
    first = read(tmp_path, SLUG)[1][0]
    (tmp_path / "b").mkdir()
    second = read(tmp_path / "b", SLUG)[1][0]
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
        ({"prompt": "Do it.", "tests": " \n", "reference": "x"}, "needs tests"),
        ({"prompt": "Do it.", "tests": None, "reference": "x"}, "needs tests"),
        ({"prompt": "Do it.", "tests": ["assert x"], "reference": "x"}, "paths and texts, or one text"),
        ({"prompt": "Do it.", "tests": {"a.py": 1}, "reference": "x"}, "paths and texts, or one text"),
        ({"prompt": ["Do it."], "tests": "assert x", "reference": "x"}, "prompt is a text"),
        ({"prompt": "Do it.", "tests": "assert x", "reference": 1}, "reference is a text"),
        ({"prompt": " ", "tests": "assert x", "reference": "x"}, "a prompt or a prefix"),
        ({"prompt": "Do it.", "tests": {"t.py": ""}, "reference": "x", "command": "make"}, "list of words"),
        ({"prompt": "Do it.", "tests": "assert x", "reference": "x", "path": "../x.py"}, "stay beside"),
        ({"prompt": "Do it.", "tests": {"/etc/x": ""}, "reference": "x"}, "stay beside"),
        ({"prompt": "Do it.", "tests": {"answer.py": ""}, "reference": "x"}, "other files than the answer"),
        ({"prompt": "\ud800", "tests": "assert x", "reference": "x"}, "are Unicode"),
        (SLUG, "stands in a file once"),
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
    path.write_bytes(b'{"prompt": "\xff"}\n')
    with pytest.raises(UserMistake, match="text in UTF-8"):
        read_tasks(path, "user:x")
    path.write_text(json.dumps(ADD), encoding="utf-8-sig")
    assert len(read_tasks(path, "user:x")) == 1
    with pytest.raises(UserMistake, match="file of JSON lines"):
        user_suite("user:nowhere.jsonl")
