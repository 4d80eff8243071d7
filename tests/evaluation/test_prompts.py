"""What each arm reads: equal budgets, tokens that the model knows, published prompts to the last blank."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inhouse.config import Generation
from inhouse.digests import digest_text
from inhouse.errors import UserMistake
from inhouse.evaluation.arms import ARMS, RETRIEVED, Arm, Retriever
from inhouse.evaluation.prompts import as_item, given, prompt
from inhouse.evaluation.suites import human_eval, mbpp
from inhouse.evaluation.tasks import TaskFile
from tests.evaluation.asked import task

SETTINGS = Generation()
BASE = ARMS[0]
PROBLEM = {
    "task_id": "Test/0",
    "prompt": 'from typing import List\n\n\ndef total(values: List[int]) -> int:\n    """ Sum.\n    """\n',
    "canonical_solution": "    return sum(values)\n",
    "test": "\n\ndef check(candidate):\n    assert candidate([1, 2]) == 3\n",
    "entry_point": "total",
}
SHORT = {"task_id": 11, "text": "Write a function to add.", "code": "def add(a, b):\r\n    return a + b",
         "test_list": ["assert add(1, 2) == 3", "assert add(0, 0) == 0"], "test_setup_code": ""}  # fmt: skip


def read(bench, one, arm=BASE, texts=None) -> str:
    return bench.tokenizer.decode(prompt(bench, one, arm, texts or {}, SETTINGS).tokens, markers=True)


def test_a_gap_is_put_to_the_model_as_held_out_items_are(bench) -> None:
    one = task()
    text = read(bench, one)
    assert text == bench.tokenizer.decode(bench.context(as_item(one), ""), markers=True) + "\n   "
    assert text.endswith('"""Return the area."""\n   ')
    assert "return w * h" not in text
    assert "other" not in text  # the suffix is not shown


def test_the_words_of_a_commit_stand_where_commit_messages_do(bench) -> None:
    assert "Commit: Add areas\n" in read(bench, task(kind="commit", instruction="Add areas"))
    assert "Add areas" not in read(bench, task(kind="function", instruction="Add areas"))


def test_a_bug_is_shown_with_what_fails(bench) -> None:
    words = (
        "The function `f` in `a.py` has a bug, and its tests fail: t.py::f. Write it again. Now it is:\n\n```"
    )
    shown = TaskFile("a.py", "def one_area(w, h):\n    return w + h")
    text = read(bench, task(kind="bug", instruction=words, context=(shown,)))
    assert (
        "Commit: The function `f` in `a.py` has a bug, and its tests fail: t.py::f. Write it again\n" in text
    )
    assert text.startswith("# a.py\ndef one_area(w, h):\n    return w + h\n")


def test_all_arms_have_the_same_budget(bench, index, planted) -> None:
    item = planted.items()[0]
    filler = "".join(f"value_{number} = {number}\n" for number in range(400))
    one = task(path=item.path, prefix=filler + item.prefix, reference=item.target)
    texts = {RETRIEVED: Retriever(index, bench, 0.5), "prompted": lambda item: "# Use snake_case.\n"}
    for arm in (*ARMS, Arm("prompted", tuned=False, text="prompted")):
        tokens = prompt(bench, one, arm, texts, SETTINGS).tokens
        space = len(bench.tokenizer.encode(given(one)))
        assert bench.context_tokens - 60 <= len(tokens) - space <= bench.context_tokens


def test_files_that_all_arms_are_shown_take_half_of_the_budget_at_most(bench) -> None:
    one = task(kind="user", context=(TaskFile("long.py", "word = 1\n" * 2000), TaskFile("b.py", "b\n")))
    text = read(bench, one)
    assert text.startswith("# long.py\nword = 1\n")
    assert len(bench.tokenizer.encode(text.partition("<repo_name>")[0])) <= bench.context_tokens // 2
    assert text.endswith('"""Return the area."""\n   ')


def test_a_gap_stops_at_the_next_definition_and_not_at_nested_ones(bench) -> None:
    stops = prompt(bench, task(), BASE, {}, SETTINGS).stop
    assert "\ndef " in stops
    assert "\n    def " not in stops
    method = task(prefix="class A:\n    def f(self):\n", reference="        return 1")
    assert {"\ndef ", "\n    def "} <= set(prompt(bench, method, BASE, {}, SETTINGS).stop)
    assert prompt(bench, task(prefix="x = 1\n", reference="y = 2\n"), BASE, {}, SETTINGS).stop == ()


def test_answers_to_published_problems_may_be_longer(bench) -> None:
    chat, completion = human_eval.problem_tasks([PROBLEM])
    lengths = [prompt(bench, one, BASE, {}, SETTINGS).max_new_tokens for one in (task(), chat, completion)]
    assert lengths == [128, 512, 512]


def test_a_model_without_a_chat_template_is_told(bench, monkeypatch) -> None:
    monkeypatch.setattr(type(bench.tokenizer), "has_chat_template", False)
    with pytest.raises(UserMistake, match="chat template"):
        read(bench, human_eval.problem_tasks([PROBLEM])[0])


# ------------------------------------------------------------------ published prompts, byte for byte


def test_the_prompts_of_human_eval_are_pinned(bench) -> None:
    chat, completion = human_eval.problem_tasks([PROBLEM])
    assert read(bench, completion) == PROBLEM["prompt"].rstrip()
    assert read(bench, chat) == (
        "<|im_start|>user\nPlease provide a self-contained Python script that solves the following problem "
        "in a markdown code block:\n```\nfrom typing import List\n\n\ndef total(values: List[int]) -> int:\n"
        '    """ Sum.\n    """\n```\n<|im_end|>\n<|im_start|>assistant\n'
        "Below is a Python script with a self-contained function that solves the problem and passes "
        "corresponding tests:\n```python\n"
    )
    assert prompt(bench, chat, BASE, {}, SETTINGS).stop == ("\n```",)
    assert prompt(bench, completion, BASE, {}, SETTINGS).stop == (
        "\nclass", "\ndef", "\n#", "\n@", "\nprint", "\nif", "\n```", "\nassert",
    )  # fmt: skip


def test_the_prompts_of_mbpp_are_pinned(bench) -> None:
    chat, completion = mbpp.problem_tasks([SHORT])
    assert read(bench, completion) == '"""\nWrite a function to add.\nassert add(1, 2) == 3\n"""'
    assert '```\n"""\nWrite a function to add.\nassert add(1, 2) == 3\n"""\n```\n<|im_end|>' in read(
        bench, chat
    )


def test_the_digest_of_all_published_prompts_is_pinned(bench) -> None:
    """Another digest is another protocol: published numbers would no longer compare."""
    try:
        problems = human_eval.read_problems()
    except UserMistake as mistake:
        pytest.skip(str(mistake))
    texts = [read(bench, one) for one in human_eval.problem_tasks(problems)]
    assert len(texts) == 328
    assert digest_text("\0".join(texts)) == DIGEST


DIGEST = "af5203f919956caf47295ea6e9a318e2cddece31b77ab4d605682fbad011fc84"


def test_a_task_in_words_is_asked_in_chat_with_what_the_arm_puts_in_front(bench) -> None:
    one = task(
        kind="user", prefix="", suffix="", instruction="Write it.", context=(TaskFile("a.py", "A = 1\n"),)
    )
    arm = Arm("prompted", tuned=False, text="prompted")
    text = read(bench, one, arm, {"prompted": lambda item: "# Use snake_case.\n"})
    assert "user\n# Use snake_case.\n# a.py\nA = 1\n\nWrite it.<|im_end|>" in text
    assert read(bench, replace(one, context=())).startswith("<|im_start|>user\nWrite it.<|im_end|>")
