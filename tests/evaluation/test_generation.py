"""Answers are written once: a kill costs one batch, and nobody goes on with another one's answers."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace

import pytest

from inhouse.config import Generation
from inhouse.engines.torch_engine import TorchEngine
from inhouse.errors import UserMistake
from inhouse.evaluation import generation
from inhouse.evaluation.arms import ARMS, RETRIEVED
from inhouse.evaluation.generation import generate_and_judge, generate_completions, written
from inhouse.evaluation.suites.execution import judged
from inhouse.evaluation.tasks import Judgement
from inhouse.models.tokenizer import Tokenizer
from inhouse.progress import Progress
from inhouse.shards import read_records
from tests.evaluation.asked import TellingEngine, completion, project, task
from tests.tiny import make_tiny_adapter, make_tiny_model

SETTINGS = Generation(sampled_tasks=2, samples=3, max_new_tokens=16)
TASKS = [task(name, prefix=f"def {name}():\n") for name in ("a", "bb", "ccc", "dddd")]
PLAIN = [arm for arm in ARMS if not arm.text]
TEXTS = {RETRIEVED: lambda item, scale: "# found\n"}


@pytest.fixture
def telling(bench, tokenizer):
    return replace(bench, engine=TellingEngine(tokenizer))


def generate(bench, folder, tasks=TASKS, arms=ARMS, settings=SETTINGS, **options):
    return generate_completions(
        bench, tasks, arms, settings, folder, Progress.silent(), texts=TEXTS, **options
    )


def test_every_arm_answers_greedily_and_two_answer_some_tasks_several_times(telling, tmp_path) -> None:
    found = generate(telling, tmp_path)
    counts = Counter((one.task, one.arm) for one in found)
    assert counts == {
        (one.id, arm.name): 4 if one.id in ("a", "bb") and arm.name in ("base", "tuned") else 1
        for one in TASKS
        for arm in ARMS
    }
    requests = {request for call in telling.engine.calls for request in call}
    assert {request.temperature for request in requests} == {0.0, 0.8}
    assert all((request.seed == 0) == (request.temperature == 0.0) for request in requests)


def test_random_answers_have_their_own_seeds_and_arms_share_them(telling, tmp_path) -> None:
    found = generate(telling, tmp_path)
    texts = {(one.arm, one.sample): one.text for one in found if one.task == "a"}
    base = [texts["base", sample] for sample in range(4)]
    assert len(set(base)) == 4
    assert base == [texts["tuned", sample] for sample in range(4)]


def test_a_shard_is_a_batch_and_long_prompts_go_first(telling, tmp_path) -> None:
    generate(telling, tmp_path)
    sizes = [len(call) for call in telling.engine.calls]
    assert sizes == [16, 12]
    lengths = [
        len(request.prompt) for call in telling.engine.calls for request in call if not request.adapter
    ]
    assert lengths == sorted(lengths, reverse=True)


def test_a_killed_run_repeats_one_batch_at_most(telling, tokenizer, tmp_path) -> None:
    whole = generate(telling, tmp_path / "whole")
    tired = replace(telling, engine=TellingEngine(tokenizer, patience=21))
    with pytest.raises(KeyboardInterrupt):
        generate(tired, tmp_path / "killed")
    again = replace(telling, engine=TellingEngine(tokenizer))
    resumed = generate(again, tmp_path / "killed")
    assert [len(call) for call in again.engine.calls] == [12]
    assert [replace(one, seconds=0.0) for one in resumed] == [replace(one, seconds=0.0) for one in whole]


def test_answers_are_not_gone_on_with_by_another_adapter_model_engine_or_setting(
    telling, tokenizer, tmp_path
) -> None:
    generate(telling, tmp_path, model="m1")
    asked = len(telling.engine.calls)
    with pytest.raises(UserMistake, match=r"same adapter .* begun with tuned, this is other"):
        generate(replace(telling, adapter="other"), tmp_path, model="m1")
    with pytest.raises(UserMistake, match="same model"):
        generate(telling, tmp_path, model="m2")
    with pytest.raises(UserMistake, match="same settings"):
        generate(telling, tmp_path, settings=Generation(samples=4, max_new_tokens=16), model="m1")
    with pytest.raises(UserMistake, match="same prompts"):
        generate(telling, tmp_path, tasks=TASKS[:2], model="m1")
    quantized = TellingEngine(tokenizer)
    quantized.dtype = "q4"
    with pytest.raises(UserMistake, match="same engine"):
        generate(replace(telling, engine=quantized), tmp_path, model="m1")
    assert generate(telling, tmp_path, model="m1") == written(tmp_path)
    assert len(telling.engine.calls) == asked


def test_general_tasks_are_not_asked_with_retrieved_text(telling, tmp_path) -> None:
    found = generate(telling, tmp_path, tasks=[task(kind="chat", prefix="", instruction="Hello?")])
    assert [(one.arm, one.sample) for one in found] == [("base", 0), ("tuned", 0)]


def test_endless_and_empty_answers_are_told_apart(telling, tokenizer, tmp_path) -> None:
    def words(request):
        return "" if request.adapter else " x = 1\n" * 30

    found = generate(replace(telling, engine=TellingEngine(tokenizer, words)), tmp_path, TASKS[:1], PLAIN)
    greedy = {one.arm: (one.finish, one.generated, bool(one.answer)) for one in found if not one.sample}
    assert greedy == {"base": ("length", 16, True), "tuned": ("stop", 0, False)}


def test_nothing_is_asked_of_nobody(telling, tmp_path) -> None:
    assert generate(telling, tmp_path, tasks=[]) == []


# ------------------------------------------------------------------ judged meanwhile


class Watching:
    """A suite that remembers what it was given, and waits for the model the first time."""

    name = answers_of = title = "execution"

    def __init__(self, engine: TellingEngine) -> None:
        self.engine = engine
        self.given: list[list[tuple[str, str, int]]] = []
        self.second_batch = threading.Event()
        self.overlapped = False

    def judge(self, project, tasks, completions):
        self.given.append([(one.task, one.arm, one.sample) for one in completions])
        if len(self.given) == 1:
            self.overlapped = self.second_batch.wait(20)
        return judged("execution", tasks, completions, lambda answers: [(True, "") for _ in answers])


def test_answers_are_judged_while_the_next_are_written(telling, tokenizer, tmp_path) -> None:
    engine = TellingEngine(tokenizer)
    suite = Watching(engine)

    def words(request):
        if len(engine.calls) == 2:
            suite.second_batch.set()
        return " return 1"

    engine.words = words
    watched = replace(telling, engine=engine)
    settings = {"sampled_tasks": 2, "samples": 3, "max_new_tokens": 16}
    completions, judgements = generate_and_judge(
        watched, project(**settings), suite, TASKS, ARMS, tmp_path, texts=TEXTS
    )
    assert suite.overlapped
    assert sorted(one for given in suite.given for one in given) == sorted(
        (one.task, one.arm, one.sample) for one in completions
    )
    for given in suite.given:  # all samples of a task and arm at once
        for name, arm, _ in given:
            wanted = 4 if name in ("a", "bb") and arm in ("base", "tuned") else 1
            assert sum((name, arm) == one[:2] for one in given) == wanted
    assert list(read_records(tmp_path, "judgements", Judgement)) == judgements
    assert Counter(one.measure for one in judgements) == {"pass@1": 16, "sampled": 12}


def test_judging_again_gives_the_same_and_writes_nothing_new(telling, tmp_path) -> None:
    def run(answers):
        return [(len(answer) % 2 == 0, "odd") for _, answer in answers]

    found = generate(telling, tmp_path)
    first = list(judged("execution", TASKS, found, run))
    assert list(judged("execution", TASKS, written(tmp_path), run)) == first


def test_an_answer_is_run_once_and_no_answer_is_never_run() -> None:
    one = TASKS[0]
    answers = [completion(one, text, arm=arm) for arm in ("base", "tuned") for text in ("    return 1", " ")]
    asked = []

    def run(answers):
        asked.extend(answers)
        return [(True, "") for _ in answers]

    found = list(judged("execution", [one], answers, run))
    assert asked == [(one, "    return 1")]
    assert [(row.arm, row.top, row.note) for row in found] == [
        ("base", 1.0, ""),
        ("base", 0.0, "nothing was written"),
        ("tuned", 1.0, ""),
        ("tuned", 0.0, "nothing was written"),
    ]


def test_a_task_whose_reference_fails_counts_for_nobody() -> None:
    answers = [completion(one, text) for one in TASKS[:2] for text in ("    return 1", "")]
    found = judged(
        "execution", TASKS, answers, lambda asked: [None if one.id == "a" else (True, "") for one, _ in asked]
    )
    assert {row.task for row in found} == {"bb"}


# ------------------------------------------------------------------ with a real engine


def test_a_real_engine_writes_the_same_answers_alone_and_after_a_kill(bench, tmp_path, monkeypatch) -> None:
    model = make_tiny_model(tmp_path / "model")
    tokenizer = Tokenizer.load(model.folder)
    engine = TorchEngine(model, tokenizer, device="cpu")
    engine.load_adapter("tuned", make_tiny_adapter(tmp_path / "adapter", model))
    real = replace(bench, engine=engine, tokenizer=tokenizer, context_tokens=256)
    monkeypatch.setattr(generation, "SHARD_ROWS", 5)
    whole = generate(real, tmp_path / "whole")
    (tmp_path / "cut").mkdir()
    for path in (tmp_path / "whole").glob("*"):
        if "00001" not in path.name and "00003" not in path.name:
            (tmp_path / "cut" / path.name).write_bytes(path.read_bytes())
    resumed = generate(real, tmp_path / "cut")
    assert [replace(one, seconds=0.0) for one in resumed] == [replace(one, seconds=0.0) for one in whole]
    texts = {(one.task, one.arm, one.sample): one.text for one in whole}
    assert texts["a", "base", 0] != texts["a", "tuned", 0]
    assert len({texts["a", "base", sample] for sample in range(4)}) > 1
    assert all(0 < one.generated <= 16 and one.seconds > 0 for one in whole)
