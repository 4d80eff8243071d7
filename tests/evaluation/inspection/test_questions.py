"""A task in words keeps its tests, and its answer is the whole file where there was a gap."""

from __future__ import annotations

import json
from dataclasses import replace

from inhouse.evaluation.extraction import extract
from inhouse.evaluation.inspection.questions import GAP, question, spoken
from inhouse.evaluation.prompts import is_chat
from inhouse.evaluation.suites.human_eval import problem_tasks
from inhouse.evaluation.suites.user_tasks import read_tasks
from inhouse.evaluation.tasks import TaskFile
from tests.evaluation.asked import task
from tests.evaluation.suites.test_user_tasks import ADD, SLUG

GAPPED = task("area", context=(TaskFile("units.py", "METRE = 1\n"),))
PROBLEM = {
    "task_id": "T/0",
    "prompt": "import math\n\n\ndef root(n):\n    ...\n",
    "canonical_solution": "    return math.sqrt(n)\n",
    "test": "def check(candidate):\n    assert candidate(4) == 2\n",
    "entry_point": "root",
}


def test_a_gap_is_asked_for_with_what_stands_around_it_and_never_with_the_answer() -> None:
    asked = question(GAPPED)
    assert asked.startswith("# units.py\nMETRE = 1\n\n# area.py\n```\ndef area_area(w, h):")
    assert GAP in asked
    assert "def other():" in asked
    assert "return w * h" not in asked


def test_the_whole_file_around_a_gap_answers_and_the_question_again_does_not() -> None:
    one = spoken(GAPPED)
    whole = GAPPED.prefix + GAPPED.reference + GAPPED.suffix
    assert is_chat(one)
    assert (one.id, one.check, one.path) == (GAPPED.id, GAPPED.check, GAPPED.path)
    assert extract(one, f"Here.\n\n```python\n{whole}```\nDone.") == whole
    assert extract(one, question(one)) == ""
    assert one.reference == whole


def test_the_answer_to_a_published_problem_is_not_begun_for_the_model() -> None:
    chat = next(one for one in problem_tasks([PROBLEM]) if is_chat(one))
    answer = "def root(n):\n    return n ** 0.5\n"
    said = f"Sure!\n```python\n{answer}```\nThis takes the root."
    assert extract(spoken(chat), said) == answer
    assert extract(chat, said) != answer  # as `inhouse eval` reads it: behind the words that it begins with


def test_tests_are_not_in_the_question_and_files_are(tmp_path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text(f"{json.dumps(SLUG)}\n{json.dumps(ADD)}\n")
    slug, add = (question(spoken(one)) for one in read_tasks(path, "user:x"))
    assert "SEPARATOR = '-'" in slug
    assert SLUG["prompt"] in slug
    assert "test_words" not in slug
    assert "assert" not in add
    assert "return a + b" not in add


def test_words_and_a_gap_are_asked_together() -> None:
    one = replace(GAPPED, instruction="Return the area.", context=())
    assert question(one).startswith("Return the area.\n\n# area.py\n```\n")
