"""What was measured of an adapter is found by descent; adapters are compared on the same tasks only."""

from __future__ import annotations

import json
import os

import pytest

from inhouse.cli.main import main
from inhouse.errors import UserMistake
from inhouse.evaluation.tasks import Judgement
from inhouse.records import Item, Score
from inhouse.registry.adapters import Registry
from inhouse.registry.stored import stored_judgements
from inhouse.shards import write_records
from inhouse.workspace import Stage, Workspace
from tests.evaluation.judged import judgement

NAN = float("nan")


class Home:
    """A workspace with adapters and what was measured of them, made of stages that only write files."""

    def __init__(self, folder):
        self.folder = folder
        self.workspace = Workspace.open(folder / ".inhouse")
        self.registry = Registry(self.workspace.folder / "registry")

    def build(self, stage, settings, inputs, work):
        return self.workspace.build(Stage(stage, 1, ()), settings, inputs, work)

    def adapter(self, seed):
        def work(folder):
            (folder / "adapter").mkdir(exist_ok=True)
            (folder / "adapter" / "adapter_model.safetensors").write_text(f"weights {seed}")
            (folder / "adapter" / "adapter_config.json").write_text("{}")

        weights = self.build("weights", {"seed": seed}, {"dataset": "d"}, work)
        return weights, self.registry.register(weights.path / "adapter", "ledger", {})

    def scores(self, weights, gain, items=8):
        def work(folder):
            rows = [
                Score(f"i{n}", f"c{n}", arm, 100.0 + n - change, 100, 10, 5, NAN, NAN, "")
                for n in range(items)
                for arm, change in (("base", 0.0), ("tuned", gain))
            ]
            write_records(folder / "scores.parquet", rows, Score)

        return self.build("scores", {"items": items}, {"weights": weights.digest}, work)

    def general(self, weights, stage, change, items):
        """General code in the scores of the comparison, or in its own stage: the first so many modules."""

        def work(folder):
            rows = [
                Score(f"g{n}", f"m{n}", arm, 100.0 + n + loss, 100, 10, 5, NAN, NAN, "")
                for n in range(items)
                for arm, loss in (("base", 0.0), ("tuned", change))
            ]
            write_records(folder / "retention.parquet", rows, Score)
            if stage == "scores":
                write_records(folder / "scores.parquet", rows[:0], Score)

        return self.build(stage, {"tokens": items, "change": change}, {"weights": weights.digest}, work)

    def judged(self, weights, passes, suite="execution"):
        def write(folder):
            (folder / "completions.json").write_text(json.dumps([suite, passes]))

        def judge(folder):
            rows = [
                judgement(suite, "pass@1", f"t{n}", arm, digit == "1")
                for n, digit in enumerate(passes)
                for arm in ("base", "tuned")
            ]
            write_records(folder / "judgements.parquet", rows, Judgement)

        answers = self.build(
            "answers", {"suite": suite, "passes": passes}, {"weights": weights.digest}, write
        )
        return self.build("judgements", {"suite": suite}, {"answers": answers.digest}, judge)


@pytest.fixture
def home(tmp_path):
    opened = Home(tmp_path)
    yield opened
    opened.workspace.close()


def suites(judgements):
    return sorted({(found.suite, found.measure) for found in judgements})


def test_judgements_descend_from_weights_through_answers(home):
    one, first = home.adapter(1)
    _, second = home.adapter(2)
    home.scores(one, 10.0)
    home.judged(one, "0101")
    found = stored_judgements(home.workspace.folder, first)
    assert suites(found) == [
        ("execution", "pass@1"), ("likelihood", "bits_per_byte"), ("likelihood", "next_token_accuracy")
    ]  # fmt: skip
    with pytest.raises(UserMistake, match=r"nothing was measured.*inhouse eval"):
        stored_judgements(home.workspace.folder, second)


def test_the_newest_of_a_suite_counts(home):
    weights, adapter = home.adapter(1)
    old, new = home.judged(weights, "0000"), home.judged(weights, "1111")
    for artefact, when in ((old, 1_000), (new, 2_000)):
        os.utime(artefact.path / "artefact.json", (when, when))
    assert {found.top for found in stored_judgements(home.workspace.folder, adapter)} == {1.0}


def compared(home, capsys, *words):
    code = main(["compare", *words, "--workspace", str(home.folder), "--json", "--quiet"])
    return code, json.loads(capsys.readouterr().out)


def test_two_adapters_are_compared_on_the_same_stored_tasks_and_other_suites_are_refused(home, capsys):
    one, first = home.adapter(1)
    other, second = home.adapter(2)
    for weights, gain, passes in ((one, 30.0, "0101"), (other, 10.0, "01011")):
        home.scores(weights, gain)
        home.judged(weights, passes)
    code, found = compared(home, capsys, first.name, second.name)
    assert code == 0
    pair = f"{first.name}:tuned - {second.name}:tuned"
    likelihood = found["suites"]["likelihood"]["bits_per_byte"]["differences"][pair]
    assert (likelihood["value"], likelihood["better"]) == (-0.2, f"{first.name}:tuned")
    refused = found["suites"]["execution"]["pass@1"]
    assert refused["differences"] == {}
    assert refused["reason"] == "not the same tasks: 4 and 5, 4 of them in common"


def test_two_arms_of_one_adapter(home, capsys):
    weights, adapter = home.adapter(1)
    home.scores(weights, 10.0)
    _, found = compared(home, capsys, f"{adapter.name}:tuned", f"{adapter.name}:base")
    (difference,) = found["suites"]["likelihood"]["bits_per_byte"]["differences"].values()
    assert (difference["value"], difference["n"]) == (-0.1, 8)


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        ("NAME", "NAME:tuned", "two different arms or adapters"),
        ("NAME:retreival", "NAME", "the arms are base, prompted"),
        ("NAME:prompted", "NAME", "never measured: NAME:prompted; run `inhouse eval --arm prompted`"),
        ("nobody", "NAME", "no adapter has this name"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(home, capsys, first, second, sentence):
    weights, adapter = home.adapter(1)
    home.scores(weights, 10.0)
    words = [word.replace("NAME", adapter.name) for word in (first, second, sentence)]
    code, found = compared(home, capsys, *words[:2])
    assert code == 2
    assert words[2] in found["error"]


def general_code(found):
    return found["suites"]["general_code"]["bits_per_byte"]


def test_general_code_is_all_that_was_scored_where_both_have_it(home, capsys):
    for seed, change in ((1, 5.0), (2, 1.0)):
        weights, _ = home.adapter(seed)
        home.general(weights, "scores", change, 4)
        home.general(weights, "general", change, 12)
    one, two = (adapter.name for adapter in home.registry.list())
    _, found = compared(home, capsys, one, two)
    (difference,) = general_code(found)["differences"].values()
    assert (difference["n"], abs(difference["value"])) == (12, 0.04)
    _, found = compared(home, capsys, f"{one}:tuned", f"{one}:base")
    (difference,) = general_code(found)["differences"].values()
    assert difference["n"] == 12


def test_general_code_is_the_sample_of_the_comparison_where_one_has_no_more(home, capsys):
    names = []
    for seed, stages in ((1, ("scores", "general")), (2, ("scores",))):
        weights, adapter = home.adapter(seed)
        names.append(adapter.name)
        for stage in stages:
            home.general(weights, stage, float(seed), 12 if stage == "general" else 4)
    _, found = compared(home, capsys, *names)
    (difference,) = general_code(found)["differences"].values()
    assert (difference["n"], difference["value"]) == (4, -0.01)


def test_general_code_is_not_counted_twice(home):
    weights, adapter = home.adapter(1)
    home.general(weights, "scores", 5.0, 4)
    home.general(weights, "general", 5.0, 12)
    state = home.workspace.folder
    for large, items in ((True, 12), (False, 4)):
        rows = stored_judgements(state, adapter, general=large)
        bits = [row.task for row in rows if row.measure == "bits_per_byte" and row.arm == "tuned"]
        assert len(bits) == len(set(bits)) == items


def test_newer_documents_are_compared_too(home, capsys):
    def prose(folder):
        rows = [
            Item(f"d{n}", "newer", f"c{n}", n, "guide.md", "markdown", "", "", "text", known_path=True)
            for n in range(6)
        ]
        write_records(folder / "documents.parquet", rows, Item)

    dataset = home.build("dataset", {}, {}, prose)
    weights, adapter = home.adapter(1)

    def score(folder):
        rows = [
            Score(f"d{n}", f"c{n}", arm, bits + n, 100, 10, 5, NAN, NAN, "")
            for n in range(6)
            for arm, bits in (("base", 100.0), ("tuned", 80.0))
        ]
        write_records(folder / "scores.parquet", rows, Score)

    home.build("newer", {}, {"weights": weights.digest, "dataset": dataset.digest}, score)
    _, found = compared(home, capsys, adapter.name, f"{adapter.name}:base")
    (difference,) = found["suites"]["documents"]["bits_per_byte (documents)"]["differences"].values()
    assert (difference["n"], difference["value"]) == (6, -0.2)


def test_what_the_weights_know_stands_beside_what_their_answers_give_away(home):
    weights, adapter = home.adapter(1)
    home.judged(weights, "01", suite="leaks")

    def know(folder):
        rows = [judgement("leaks", "exposure", f"canary{n}", "tuned", 3.0) for n in range(4)]
        write_records(folder / "judgements.parquet", rows, Judgement)

    home.build("known", {"arms": ["tuned"]}, {"weights": weights.digest}, know)
    assert suites(stored_judgements(home.workspace.folder, adapter)) == [
        ("leaks", "exposure"), ("leaks", "pass@1")
    ]  # fmt: skip
