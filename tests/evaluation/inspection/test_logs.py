"""What is stored here is what inspect-ai reads: samples, scores, metrics, and whose they are."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from inhouse.errors import UserMistake
from inhouse.evaluation import inspection
from inhouse.evaluation.inspection import require_inspect
from inhouse.evaluation.inspection.logs import Measured, write_logs
from inhouse.evaluation.results import results
from inhouse.evaluation.suites.execution import judged
from tests.evaluation.asked import completion, task
from tests.evaluation.judged import judgement

log = pytest.importorskip("inspect_ai.log", reason="needs the extra inspect")

ORIGIN = Measured("ledger", "builtin:tiny", "m" * 64, "a" * 64, "bubblewrap", "torch", 7)
TASKS = [task("one"), task("two")]
RIGHT, WRONG = "    return w * h", "    return 0"
ANSWERS = [
    *(completion(one, RIGHT, arm="base", text=f"{RIGHT}\n\ndef", finish="length") for one in TASKS),
    completion(TASKS[0], RIGHT, arm="tuned", prompted=30, generated=5, seconds=0.5),
    completion(TASKS[1], "", arm="tuned"),
    *(completion(TASKS[0], WRONG, arm="tuned", sample=n) for n in (1, 2)),
]


def stored(tasks=TASKS, answers=ANSWERS):
    return SimpleNamespace(tasks=lambda suite: tasks, answers=lambda suite: answers)


def run(answers):
    return [(text == RIGHT, "" if text == RIGHT else "AssertionError: 0") for _, text in answers]


@pytest.fixture(scope="module")
def judgements():
    return [
        *judged("execution", TASKS, ANSWERS, run),
        *(judgement("general_code", "bits_per_byte", "item", arm, 90, 100) for arm in ("base", "tuned")),
        judgement("general_code", "bits_per_byte", "empty", "tuned", 0, 0, note="json/decoder.py at 3.11"),
        judgement("general_code", "next_token_accuracy", "empty", "tuned", 1, 2),
    ]


@pytest.fixture(scope="module")
def written(judgements, tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs") / "new"
    return folder, write_logs(folder, stored(), judgements, results(judgements, 7), ORIGIN)


def read(written, name):
    return log.read_eval_log(str(written[0] / f"{name}.eval"))


def test_there_is_a_log_of_each_suite_and_arm_and_inspect_lists_them(written) -> None:
    folder, files = written
    names = [f"{suite}-{arm}.eval" for suite in ("execution", "general_code") for arm in ("base", "tuned")]
    assert sorted(path.name for path in folder.iterdir()) == [path.name for path in files] == names
    listed = log.list_eval_logs(str(folder))
    assert {info.task for info in listed} == {"execution", "general_code"}


def test_samples_hold_what_was_asked_wanted_written_and_judged(written) -> None:
    found = read(written, "execution-tuned")
    samples = {(sample.metadata["task"], sample.epoch): sample for sample in found.samples}
    assert set(samples) == {("one", 1), ("one", 2), ("one", 3), ("two", 1)}
    first = samples["one", 1]
    assert "def one_area(w, h):" in first.input
    assert (first.target, first.output.completion) == (RIGHT, RIGHT)
    assert (first.scores["pass@1"].value, first.scores["pass@1"].answer) == (1.0, RIGHT)
    assert (first.output.usage.input_tokens, first.output.usage.output_tokens, first.total_time) == (
        30,
        5,
        0.5,
    )
    assert samples["one", 2].scores["sampled"].value == 0.0
    assert samples["one", 2].scores["sampled"].explanation == "AssertionError: 0"
    assert samples["two", 1].scores["pass@1"].explanation == "nothing was written"
    cut = read(written, "execution-base").samples[0].output
    assert (cut.stop_reason, cut.completion) == ("max_tokens", f"{RIGHT}\n\ndef")


def test_results_are_the_numbers_that_are_printed(written, judgements) -> None:
    printed = results(judgements, 7)["execution"]["pass@1"]["arms"]["tuned"]
    scores = {score.name: score for score in read(written, "execution-tuned").results.scores}
    assert set(scores) == {"pass@1", "sampled"}
    metrics = {name: metric.value for name, metric in scores["pass@1"].metrics.items()}
    assert metrics == {name: printed[name] for name in ("value", "low", "high", "n")}
    assert metrics["value"] == 0.5


def test_a_log_says_whose_it_is(written) -> None:
    spec = read(written, "execution-tuned").eval
    assert spec.metadata == {
        "suite": "execution", "arm": "tuned", "repository": "ledger", "model": "builtin:tiny",
        "model_digest": "m" * 64, "adapter_digest": "a" * 64, "isolation": "bubblewrap", "engine": "torch",
        "seed": 7,
    }  # fmt: skip
    assert spec.model == "builtin:tiny (tuned)"
    assert (spec.dataset.samples, spec.config.epochs) == (4, 1)  # one task was answered thrice, one once
    even = read(written, "execution-base").eval
    assert (even.dataset.samples, even.config.epochs, len(even.dataset.sample_ids)) == (2, 1, 2)
    assert read(written, "execution-base").eval.eval_id != spec.eval_id


def test_a_likelihood_has_no_output_and_a_measure_that_does_not_apply_no_score(written) -> None:
    found = read(written, "general_code-tuned")
    samples = {sample.metadata["task"]: sample for sample in found.samples}
    assert samples["item"].output.choices == []
    assert samples["item"].scores["bits_per_byte"].value == 0.9
    assert list(samples["empty"].scores) == ["next_token_accuracy"]
    assert samples["empty"].input == "json/decoder.py at 3.11"


def test_writing_again_replaces_and_says_the_same(written, judgements) -> None:
    folder, files = written
    before = read(written, "execution-base")
    assert write_logs(folder, stored(), judgements, results(judgements, 7), ORIGIN) == files
    again = read(written, "execution-base")
    assert (again.eval.eval_id, again.samples, again.results) == (
        before.eval.eval_id, before.samples, before.results
    )  # fmt: skip


def test_answers_of_a_suite_of_ones_own_are_in_a_file_that_can_be_named(tmp_path) -> None:
    name = f"user:{tmp_path}/own.jsonl"
    (tmp_path / "own.jsonl").write_text("")
    own = [judgement(name, "pass@1", "one", "base", 1)]
    (file,) = write_logs(tmp_path / "logs", stored(), own, results(own), ORIGIN)
    assert file.parent == tmp_path / "logs"
    assert log.read_eval_log(str(file)).eval.task == name


def test_hostile_answers_are_kept_as_they_are(tmp_path) -> None:
    text = "\x1b[2J\x00 <script>alert(1)</script> \u202e {{ 7 * 7 }}"
    answers = [completion(TASKS[0], text)]
    own = list(judged("execution", TASKS, answers, run))
    (file,) = write_logs(tmp_path, stored(answers=answers), own, results(own), ORIGIN)
    (sample,) = log.read_eval_log(str(file)).samples
    assert sample.output.completion == sample.scores["pass@1"].answer == text


def test_a_file_where_a_folder_was_named_and_a_machine_without_inspect_are_one_sentence(
    tmp_path, monkeypatch
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserMistake, match="written into a folder"):
        write_logs(tmp_path / "file", stored(), [], {}, ORIGIN)
    require_inspect("--inspect-log")
    monkeypatch.setattr(inspection, "find_spec", lambda name: None)
    with pytest.raises(UserMistake) as raised:
        require_inspect("--inspect-log")
    assert str(raised.value) == (
        "--inspect-log needs inspect-ai: it is not installed; run `pip install 'inhouse[inspect]'`."
    )
