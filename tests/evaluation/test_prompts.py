"""What each arm reads: equal budgets, tokens that the model knows, published prompts to the last blank."""

from __future__ import annotations

import json
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
SHORT = [
    {
        "task_id": number,
        "text": f" Write a function to add {words}.",
        "code": f"def {words}(a):\r\n    return a + {number} ",
        "test_list": [f"assert {words}(1) == {1 + number} ", f"assert {words}(0) == {number}"],
        "test_setup_code": "",
    }
    for number, words in ((2, "two"), (3, "three"), (4, "four"), (11, "eleven"))
]


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
    texts = {RETRIEVED: Retriever(index, bench, 0.5), "prompted": lambda item, scale: "# Use snake_case.\n"}
    for arm in (*ARMS, Arm("prompted", tuned=False, text="prompted")):
        tokens = prompt(bench, one, arm, texts, SETTINGS).tokens
        space = len(bench.tokenizer.encode(given(one)))
        assert bench.context_tokens - 60 <= len(tokens) - space <= bench.context_tokens


def test_a_longer_context_shows_more_of_the_file_and_more_of_what_the_arm_found(
    bench, index, planted
) -> None:
    item = planted.items()[0]
    filler = "".join(f"value_{number} = {number}\n" for number in range(800))
    one = task(path=item.path, prefix=filler + item.prefix, reference=item.target)
    texts = {RETRIEVED: Retriever(index, bench, 0.5)}
    space = len(bench.tokenizer.encode(given(one)))
    for arm in ARMS:
        usual, longer = (
            prompt(bench, each, arm, texts, SETTINGS).tokens for each in (one, replace(one, context_factor=2))
        )
        assert len(usual) - space <= bench.context_tokens
        assert 2 * bench.context_tokens - 60 <= len(longer) - space <= 2 * bench.context_tokens
    found = [len(bench.tokenizer.encode(texts[RETRIEVED](as_item(one), scale))) for scale in (1.0, 2.0)]
    assert found[0] <= 0.5 * bench.context_tokens < found[1] <= bench.context_tokens


def test_a_longer_context_ends_where_the_window_of_the_model_does(bench) -> None:
    filler = "".join(f"value_{number} = {number}\n" for number in range(800))
    one = task(prefix=filler, reference="return 1\n", context_factor=2)
    sizes = []
    for window in (1_500, 300):  # of the second nothing is left: it is as long as ever
        narrow = replace(bench, engine=Narrow(bench.engine, window))
        sizes.append(len(prompt(narrow, one, BASE, {}, SETTINGS).tokens))
    assert 1_200 < sizes[0] <= 1_500 - SETTINGS.max_new_tokens
    assert bench.context_tokens - 60 <= sizes[1] <= bench.context_tokens


class Narrow:
    """An engine whose model has a window."""

    def __init__(self, engine, window: int) -> None:
        self.capabilities = replace(engine.capabilities, window=window)


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


def test_the_prompts_of_mbpp_are_pinned(bench, tmp_path) -> None:
    """The words of its authors, with all the white space of the file but its carriage returns."""
    path = tmp_path / "mbpp.jsonl"
    path.write_text("\n".join(map(json.dumps, SHORT)))
    chat, completion = mbpp.problem_tasks(mbpp.read_problems(path))
    assert read(bench, completion) == (
        "You are an expert Python programmer, and here is your task: Write a function to add two. "
        "Your code should pass these tests:\n\nassert two(1) == 3 \nassert two(0) == 2\n"
        "[BEGIN]\ndef two(a):\n    return a + 2 \n[DONE]\n\n"
        "You are an expert Python programmer, and here is your task: Write a function to add three. "
        "Your code should pass these tests:\n\nassert three(1) == 4 \nassert three(0) == 3\n"
        "[BEGIN]\ndef three(a):\n    return a + 3 \n[DONE]\n\n"
        "You are an expert Python programmer, and here is your task: Write a function to add four. "
        "Your code should pass these tests:\n\nassert four(1) == 5 \nassert four(0) == 4\n"
        "[BEGIN]\ndef four(a):\n    return a + 4 \n[DONE]\n\n"
        "You are an expert Python programmer, and here is your task: Write a function to add eleven. "
        "Your code should pass these tests:\n\nassert eleven(1) == 12 \nassert eleven(0) == 11\n"
        "[BEGIN]\n"
    )
    assert prompt(bench, completion, BASE, {}, SETTINGS).stop == ("[DONE]",)
    assert read(bench, chat) == (
        "<|im_start|>user\nPlease provide a self-contained Python script that solves the following problem "
        'in a markdown code block:\n```\n"""\nWrite a function to add eleven.\nassert eleven(1) == 12 \n"""\n'
        "```\n<|im_end|>\n<|im_start|>assistant\n"
        "Below is a Python script with a self-contained function that solves the problem and passes "
        "corresponding tests:\n```python\n"
    )
    assert prompt(bench, chat, BASE, {}, SETTINGS).stop == ("\n```",)


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
    text = read(bench, one, arm, {"prompted": lambda item, scale: "# Use snake_case.\n"})
    assert "user\n# Use snake_case.\n# a.py\nA = 1\n\nWrite it.<|im_end|>" in text
    assert read(bench, replace(one, context=())).startswith("<|im_start|>user\nWrite it.<|im_end|>")
