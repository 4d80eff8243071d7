"""The card says what is true of its numbers, carries what they need, and keeps to itself."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from inhouse.config import Gates
from inhouse.evaluation.advice import advise
from inhouse.evaluation.gates import check_gates
from inhouse.evaluation.results import results
from inhouse.evaluation.tasks import Check, Completion, Judgement, Task
from inhouse.reporting.card import Answer, card_samples, write_card
from inhouse.reporting.card_page import render_card
from tests.evaluation.judged import bits
from tests.reporting.cards import card, sample

UNTOLD = ("general_code", "human_eval", "chat", "leaks", "static")


class Reader(HTMLParser):
    """The text of a page, and all that it would load."""

    VOID = frozenset({"meta", "link", "br", "hr", "img", "input", "line", "polyline"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.loads: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag not in self.VOID:
            self.open.append(tag)
        given = dict(attributes)
        self.loads += [given[name] for name in ("src", "href") if given.get(name)]
        self.loads += [tag] if tag in ("script", "iframe", "object", "embed", "link") else []

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


@pytest.fixture(scope="module")
def whole():
    return card()


@pytest.fixture(scope="module")
def page(whole):
    return Reader(render_card(whole))


def test_the_page_is_whole_and_loads_nothing(page):
    assert page.open == []
    assert page.loads == []


def test_every_suite_arm_and_measure_is_on_the_page(page, whole):
    for name in ("HumanEval", "MBPP", "Conventions", "Leaks", "Likelihood of general code"):
        assert name in page.text
    for arm in ("base", "prompted", "retrieval", "tuned", "tuned + retrieval"):
        assert arm in page.text
    for measures in whole.results.values():
        for measure, entry in measures.items():
            assert measure.replace("_", " ") in page.text or measure == "next_token_accuracy"
            scale, digits = (1, 3) if entry["unit"] else (100, 1)
            for found in entry["arms"].values():
                assert f"{scale * found['value']:.{digits}f}" in page.text
                assert f"n={found['n']}" in page.text


def test_no_number_of_a_suite_travels_alone(page, whole):
    """n, what was resampled, interval, seed, digests of base and adapter, and how code was run."""
    stamps = [text for text in page.texts if "95% intervals resampled by file or commit" in text]
    assert len(stamps) == len(whole.results)
    for stamp in stamps:
        for part in (
            "tasks of",
            "seed 0",
            "base b179c952b179",
            "adapter ba26d166ba26",
            "torch, cpu, float32",
        ):
            assert part in stamp
        assert ("sandbox bubblewrap" in stamp) is not ("nothing was run" in stamp)


def test_the_gates_stand_on_top_with_their_rule_and_the_samples_that_decided(page):
    assert "Do not release: 3 of 6 gates failed. Failed: private gain, HumanEval, chat." in page.text
    assert "Rule: at most 3 points of HumanEval lost." in page.text
    assert page.text.count("the 10 samples that decided") == 2


def test_what_it_is_good_and_bad_at_follows_from_the_differences(page):
    good = page.text.partition("Surely better than the base")[2].partition("Surely worse than the base")[0]
    bad, _, untold = (
        page.text.partition("Surely worse than the base")[2]
        .partition("All suites at a glance")[0]
        .partition("No difference could be shown")
    )
    assert "Conventions: conventions kept" in good
    assert "ends its turn" in bad
    assert "would not show" in untold
    assert "too hard to tell arms apart" in untold


def test_a_suite_that_cannot_tell_is_marked(page):
    assert "Gates nothing: too hard to tell arms apart: the base has 3.0%, below 5.0%." in page.text


def test_what_comes_from_a_repository_is_escaped():
    wild = replace(sample(), group="<script>alert(1)</script>", prompt="a < b & c", reference="'\"<b>")
    wild = replace(wild, answers={"base": Answer("<img src=x onerror=alert(1)>", False, "<i>")})
    found = Reader(render_card(card(samples=[wild], repository="<script>", notes=["<script>"])))
    assert found.loads == []
    assert "<script>alert(1)</script>" in found.text
    assert "a < b & c" in found.text


def test_answers_are_marked_against_the_reference():
    rendered = render_card(card())
    assert "<del>ValueError</del>" in rendered
    assert "<ins>LedgerFault</ins>" in rendered


@pytest.mark.parametrize(
    ("judged", "settings", "sentence"),
    [
        ({"base": 0.0, "tuned": -0.2}, Gates(allow_unknown=UNTOLD),
         "Ready to release. Not told, as the settings allow: general code, HumanEval, chat, leaks, static"),
        ({"base": 0.0, "tuned": -0.2}, Gates(),
         "Not yet to be released. No gate failed. Not told: general code,"),
        ({"base": 0.0, "tuned": 0.2}, Gates(), "Do not release: 1 of 6 gates failed. Failed: private gain."),
    ],
)  # fmt: skip
def test_the_first_sentence_is_the_answer(judged, settings, sentence):
    judgements = bits(judged)
    found = results(judgements)
    values = {"results": found, "gates": check_gates(found, settings), "advice": advise(judgements)}
    page = Reader(render_card(card(**values, breakdown={}, samples=[])))
    assert sentence in page.text
    assert "Likelihood, taken apart" not in page.text
    assert "Samples, side by side" not in page.text


def test_a_card_without_anything_measured_still_makes_a_page():
    page = Reader(
        render_card(card(results={}, gates=[], advice=advise([]), breakdown={}, samples=[], measured={}))
    )
    assert "No gate was checked." in page.text
    assert "cannot be told" in page.text


def test_both_files_are_written_and_the_same_card_gives_the_same_bytes(whole, tmp_path):
    html, data = write_card(whole, tmp_path / "cards")
    assert (html.name, data.name) == ("ledgerkit-ba26d166-card.html", "ledgerkit-ba26d166-card.json")
    stored = json.loads(data.read_text(encoding="utf-8"))
    assert stored["results"] == whole.results
    assert stored["gates"][0]["name"] == "private_gain"
    assert stored["base_digest"] == whole.base_digest
    assert stored["advice"]["what"] == whole.advice.what
    before = html.read_bytes(), data.read_bytes()
    write_card(whole, tmp_path / "cards")
    assert (html.read_bytes(), data.read_bytes()) == before


# ------------------------------------------------------------------ which samples


def task(name):
    check = Check("pytest", "", (), (), "", 1, 0.0)
    prefix = "".join(f"line {number}\n" for number in range(40))
    return Task(name, "execution", "function", "g", 0, "python", "a.py", prefix, "", "", "ref", (), check, "")


def test_samples_show_what_was_gained_what_was_lost_and_what_both_fail():
    outcomes = {"both": (1, 1), "gain": (0, 1), "loss": (1, 0), "none": (0, 0), "gain2": (0, 1)}
    judgements = [
        Judgement("execution", "pass@1", name, "g", arm, 0, float(top), 1.0, "why")
        for name, tops in outcomes.items()
        for arm, top in zip(("base", "tuned"), tops, strict=True)
    ]
    drawn = Judgement("execution", "sampled", "gain", "g", "base", 3, 1.0, 1.0, "")
    texts = [Completion(name, "tuned", 0, "raw", f"answer {name}", "stop", 1, 1, 0.0) for name in outcomes]
    found = card_samples(
        "execution", [task(n) for n in outcomes], texts, [*judgements, drawn], "pass@1", each=1
    )
    assert [one.task for one in found] == ["gain", "loss", "none"]
    assert [one.title.partition(":")[0] for one in found] == ["gained", "lost", "both fail"]
    assert list(found[0].answers) == ["base", "tuned"]
    assert found[0].answers["tuned"] == Answer("answer gain", True, "why")
    assert found[0].prompt.splitlines() == [f"line {number}" for number in range(26, 40)]
