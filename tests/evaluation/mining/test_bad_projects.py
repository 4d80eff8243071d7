"""Tests that hang, shout, need the network or cannot be imported cost themselves and are told apart."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from inhouse.config import Execution
from inhouse.errors import UserMistake
from inhouse.evaluation.mining.mine import write_mined
from inhouse.evaluation.mining.survey import Survey, survey
from inhouse.evaluation.mining.verify import Checker
from inhouse.evaluation.tasks import Task
from inhouse.progress import Progress
from inhouse.shards import read_records
from inhouse.sources.git import Repository
from tests.evaluation.mining.shop import open_sandbox, prepare, settings, shop
from tests.gitrepo import GitRepo


def _survey(folder: Path, files: dict[str, str], timeout: float = 20, python: str | None = None) -> Survey:
    repo = GitRepo(folder / "repo")
    for path, text in files.items():
        repo.write(path, text)
    tip = repo.commit("All")
    checker = Checker(open_sandbox(), Repository.open(repo.path), Execution(timeout=timeout, python=python))
    work = folder / "work"
    work.mkdir()
    return survey(checker, tip, work, 2, Progress.silent())


def test_a_test_that_hangs_shouts_or_needs_the_network_costs_itself_and_no_other(tmp_path: Path) -> None:
    good = "from pkg import double\n\ndef test_good():\n    assert double(2) == 4\n"
    found = _survey(
        tmp_path,
        {
            "pkg.py": "def double(x):\n    return 2 * x\n",
            "tests/test_good.py": good,
            "tests/test_hangs.py": "def test_for_ever():\n    while True:\n        pass\n\n" + good,
            "tests/test_network.py": "import socket\n\ndef test_far_away():\n"
            "    socket.create_connection(('192.0.2.1', 80), 1)\n",
            "tests/test_shouts.py": "def test_loud(capsys):\n    with capsys.disabled():\n"
            "        for _ in range(1000):\n            print('x' * 100_000)\n",
            "tests/test_broken.py": "import a_module_that_nobody_has\n",
        },
        timeout=6,
    )
    assert found.counts["collected"] == 5
    assert found.counts["passed"] == 2
    assert found.counts["failed_by_hanging"] == 1
    assert found.counts["failed_for_the_network"] == 1
    assert found.counts["killed_with_their_part"] == 1
    assert found.counts["files_not_collected"] == 1
    assert sorted(found.functions["pkg.py", 1]) == [
        "tests/test_good.py::test_good",
        "tests/test_hangs.py::test_good",
    ]


def test_tests_that_cannot_be_imported_are_one_sentence_with_the_way_out(tmp_path: Path) -> None:
    found = _survey(tmp_path, {"test_a.py": "import a_module_that_nobody_has\n"})
    assert "-m pytest" in found.problem
    assert "No module named 'a_module_that_nobody_has'" in found.problem
    assert found.problem.endswith("execution.python in inhouse.yaml: an interpreter or a venv")


def test_tests_that_all_fail_are_one_sentence_with_their_last_words(tmp_path: Path) -> None:
    found = _survey(tmp_path, {"test_a.py": "def test_a():\n    assert 1 == 2\n"})
    assert found.problem.startswith("none of 1 tests passed in the sandbox with `")
    assert "assert 1 == 2" in found.problem


def test_a_project_whose_tests_do_not_run_is_the_users_to_mend(tmp_path: Path) -> None:
    repo, commits = shop(tmp_path / "repo")
    repo.write("tests/conftest.py", "import a_module_that_nobody_has\n")
    repo.write("src/shop/more.py", "class A:\n    def b(self, c):\n        return c + 1 if c else c - 12\n")
    repo.remove("src/shop/basket.py")
    repo.remove("src/shop/prices.py")
    repo.commit("Break the tests")
    planted = prepare(repo, tmp_path, commits)
    (tmp_path / "mined").mkdir()
    with pytest.raises(
        UserMistake, match=r"tests must run before tasks can be mined: `.* -m pytest"
    ) as caught:
        write_mined(
            planted.repository, planted.history, planted.corpus, open_sandbox(), settings(),
            tmp_path / "mined", 1, Progress.silent(),
        )  # fmt: skip
    assert "a_module_that_nobody_has" in str(caught.value)
    assert "execution.python" in str(caught.value)


# ------------------------------------------------------------ other environments


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A virtual environment without pytest."""
    folder = tmp_path_factory.mktemp("bare") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return str(folder)


def test_an_environment_without_pytest_says_so(tmp_path: Path, bare_python: str) -> None:
    found = _survey(tmp_path, {"test_a.py": "def test_a():\n    assert True\n"}, python=bare_python)
    assert found.problem.startswith(
        f"pytest is missing in {bare_python}/bin/python, and no test uses unittest"
    )


def test_unittest_serves_where_there_is_no_pytest(tmp_path: Path, bare_python: str) -> None:
    repo, commits = shop(tmp_path / "repo")
    repo.remove("tests/test_basket.py")
    repo.write("tests/__init__.py", "")
    repo.write(
        "tests/test_basket.py",
        "import unittest\n\nfrom shop.basket import Basket\n\n\nclass TotalTest(unittest.TestCase):\n"
        "    def test_total(self):\n        basket = Basket()\n        basket.add('tea', 2, 5)\n"
        "        self.assertEqual(basket.total(), 10)\n\n"
        "    def test_wrong(self):\n        with self.subTest('a'):\n            self.assertEqual(1, 2)\n",
    )
    repo.write("tests/test_prices.py", "")
    repo.commit("Use unittest")
    planted = prepare(repo, tmp_path, commits)
    (tmp_path / "mined").mkdir()
    write_mined(
        planted.repository, planted.history, planted.corpus, open_sandbox(),
        settings(python=bare_python, max_tasks=4), tmp_path / "mined", 2, Progress.silent(),
    )  # fmt: skip
    tasks = list(read_records(tmp_path / "mined", "tasks", Task))
    found = {task.instruction.split("`")[1]: task for task in tasks if task.kind == "function"}
    assert set(found) == {"Basket.__init__", "Basket.add", "Basket.total"}
    assert found["Basket.total"].check.runner == "unittest"
    assert found["Basket.total"].check.tests == ("tests.test_basket.TotalTest.test_total",)
    checker = Checker(open_sandbox(), planted.repository, settings(python=bare_python).execution)
    task = found["Basket.total"]
    answers = [task.reference, "        return 11", "        import os\n        os._exit(0)"]
    verdicts = checker.check_many([(task, answer) for answer in answers], 2)
    assert [verdict.passed for verdict in verdicts] == [True, False, False]


def test_an_interpreter_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserMistake, match="interpreter or the folder of a virtual environment"):
        _survey(tmp_path, {"test_a.py": ""}, python=str(tmp_path / "nowhere"))
