"""Of a planted repository exactly what can be verified is mined, and every other candidate has its reason."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from inhouse.evaluation.mining.mine import write_mined
from inhouse.evaluation.mining.results import Found, Rejected, in_batches, rejected
from inhouse.evaluation.mining.verify import Checker, check
from inhouse.evaluation.tasks import Task
from inhouse.progress import Progress
from inhouse.shards import read_records
from tests.evaluation.mining.shop import PRICES_FIXED, Shop, open_sandbox, prepare, settings, shop


class Mined:
    """The artefact, read."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop = shop
        self.folder = folder
        self.tasks = list(read_records(folder, "tasks", Task))
        self.rejected = {
            (row.kind, row.place): row.reason for row in read_records(folder, "rejected", Rejected)
        }
        self.counts: dict[str, Any] = json.loads((folder / "counts.json").read_text())

    def one(self, kind: str, words: str = "") -> Task:
        """Return the one task of a kind whose instruction holds some words."""
        found = [task for task in self.tasks if task.kind == kind and words in task.instruction]
        assert len(found) == 1
        return found[0]


def _mine(planted: Shop, folder: Path, **execution: object) -> Mined:
    folder.mkdir(exist_ok=True)
    write_mined(
        planted.repository, planted.history, planted.corpus, open_sandbox(), settings(**execution), folder, 2,
        Progress.silent(),
    )  # fmt: skip
    return Mined(planted, folder)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("shop")
    repo, commits = shop(folder / "repo")
    return prepare(repo, folder, commits)


@pytest.fixture(scope="module")
def mined(planted: Shop, tmp_path_factory: pytest.TempPathFactory) -> Mined:
    return _mine(planted, tmp_path_factory.mktemp("mined"))


def test_functions_that_tests_hold_to_account_and_no_others(mined: Mined) -> None:
    names = sorted(task.instruction.split("`")[1] for task in mined.tasks if task.kind == "function")
    assert names == ["Basket.__init__", "Basket.add", "Basket.total", "discounted"]
    assert mined.rejected["function", "src/shop/basket.py::banner"] == "its tests pass without its body"
    assert mined.rejected["function", "src/shop/basket.py::squeeze"] == "no test executes it"


def test_a_function_that_stood_there_at_the_cut_is_never_asked_for(mined: Mined) -> None:
    assert not any("`net`" in task.instruction for task in mined.tasks)
    assert not any(place.endswith("::net") for _, place in mined.rejected)


def test_the_gap_begins_behind_the_docstring_and_ends_with_the_function(mined: Mined) -> None:
    task = mined.one("function", "`discounted`")
    assert task.prefix + task.reference + task.suffix == PRICES_FIXED
    assert task.prefix.endswith('"""Return the price after a discount."""\n')
    assert task.reference == "    reduced = price * (100 - percent) // 100\n    return max(reduced, 0)"
    assert task.suffix == "\n"


def test_a_commit_whose_tests_failed_before_it_and_pass_after_it(mined: Mined) -> None:
    task = mined.one("commit")
    assert task.group == mined.shop.commits["fix"]
    assert task.check.revision == mined.shop.commits["fix"]
    assert task.prefix + task.reference + task.suffix == PRICES_FIXED
    assert {test.partition("::")[2] for test in task.check.tests} == {
        "test_a_tenth_off", "test_net", "test_never_negative", "test_half_price",
    }  # fmt: skip
    assert "Take the discount off, not the rest" in task.instruction
    assert task.verified.startswith("2 tests failed 2 of 2 runs at the parent")
    assert mined.rejected["commit", mined.shop.commits["basket"]].startswith("adds, moves or removes")
    assert mined.rejected["commit", mined.shop.commits["words"]] == "changes no test"


def test_every_bug_is_shown_breaks_a_test_and_is_not_the_reference(mined: Mined) -> None:
    bugs = [task for task in mined.tasks if task.kind == "bug"]
    assert len(bugs) >= 3
    for task in bugs:
        (shown,) = task.context
        assert shown.text in task.instruction
        assert task.reference not in shown.text
        assert "tests/test_" in task.instruction


def test_a_pure_function_without_tests_is_compared_with_itself(mined: Mined) -> None:
    task = mined.one("equivalence")
    assert "`squeeze`" in task.instruction
    assert task.check.expected >= 20
    assert "so wo he" in task.check.source
    shown = task.instruction + task.prefix + task.suffix + "".join(file.text for file in task.context)
    assert "CASES" not in shown
    reasons = {place: reason for (kind, place), reason in mined.rejected.items() if kind == "equivalence"}
    assert reasons == {
        "src/shop/basket.py::secret_handshake": "it does not look pure: print",
        "src/shop/basket.py::shelf_of": "it gives something else in another process",
    }


def test_every_task_says_how_it_was_verified_twice_and_under_which_isolation(mined: Mined) -> None:
    for task in mined.tasks:
        assert "2 of 2 runs" in task.verified
        assert f"isolation {open_sandbox().isolation}" in task.verified
        assert task.check.seconds > 0
        assert task.check.expected > 0


def test_the_reference_passes_and_everything_else_fails_as_an_answer(mined: Mined) -> None:
    checker = Checker(open_sandbox(), mined.shop.repository, settings().execution)
    by_kind = {task.kind: task for task in mined.tasks}
    wrong = {"nothing": "", "no code": "    it is (", "ends early": "    import os\n    os._exit(0)"}
    answers = [(task, task.reference) for task in by_kind.values()]
    answers += [(task, text) for task in by_kind.values() for text in wrong.values()]
    verdicts = checker.check_many(answers, 2)
    assert [verdict.passed for verdict in verdicts[:4]] == [True] * 4
    assert [verdict.passed for verdict in verdicts[4:]] == [False] * 12
    assert all(verdict.reason for verdict in verdicts[4:])


def test_another_right_answer_passes_too(mined: Mined) -> None:
    task = mined.one("function", "`Basket.total`")
    answer = "        return sum(count * price for _, count, price in self.lines)"
    assert check(open_sandbox(), mined.shop.repository, task, answer).passed


def test_the_counts_add_up_and_say_where_there_are_too_few(mined: Mined) -> None:
    assert mined.counts["tasks"] == len(mined.tasks) == sum(row["verified"] for row in mined.counts["kinds"])
    assert mined.counts["wanted_of_each"] == 8
    assert mined.counts["languages"]["python"]["tests"]["passed"] == 8
    assert any(note.startswith("4 of 8 python function tasks") for note in mined.counts["notes"])
    assert not list(mined.folder.glob("*-0*"))


def test_a_run_that_was_killed_goes_on_and_gives_the_same_tasks(
    mined: Mined, planted: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("inhouse.evaluation.mining.bugs.mine_bugs", killed)
        with pytest.raises(KeyboardInterrupt):
            _mine(planted, tmp_path, max_tasks=1)
    assert sorted(path.name for path in tmp_path.glob("*-0*")) == [
        "python-functions-00000.parquet", "survey-00.json", "survey-01.json",
    ]  # fmt: skip
    again = _mine(planted, tmp_path, max_tasks=1)
    assert {task.kind for task in again.tasks} == {"function", "bug", "commit", "equivalence"}
    assert [task for task in mined.tasks if task in again.tasks] == again.tasks
    assert again.rejected.items() <= mined.rejected.items()


def test_finished_batches_are_read_and_not_run_again(tmp_path: Path) -> None:
    worked: list[int] = []

    def work(batch: Sequence[int]) -> list[Found]:
        if 5 in batch and 5 not in worked:
            worked.append(5)
            raise KeyboardInterrupt
        worked.extend(batch)
        return [rejected("function", str(number), "a reason") for number in batch]

    def run() -> list[Found]:
        with Progress.silent().task("work", 7) as bar:
            return list(in_batches(range(7), 2, 9, tmp_path, "shard", work, bar))

    with pytest.raises(KeyboardInterrupt):
        run()
    assert [found.place for found in run()] == list("0123456")
    assert worked == [0, 1, 2, 3, 5, 4, 5, 6]
