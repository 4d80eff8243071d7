"""Tasks of the repository: the answer goes into its file, and the tests of the repository decide."""

from __future__ import annotations

import pytest

from inhouse.config import Settings
from inhouse.errors import UserMistake
from inhouse.evaluation.suites.execution import SUITE
from inhouse.evaluation.tasks import Check, Task
from inhouse.shards import write_records
from inhouse.sources.git import Repository
from tests.evaluation.asked import completion, project, task
from tests.gitrepo import GitRepo

SHAPES = (
    'def area(w, h):\n    """Return the area."""\n    return w * h\n\n\ndef twice(x):\n    return 2 * x\n'
)
TESTS = "from shapes import area\n\n\ndef test_area():\n    assert area(2, 3) == 6\n"


@pytest.fixture
def mined(box, tmp_path):
    repo = GitRepo(tmp_path / "shapes")
    repo.write("shapes.py", SHAPES)
    repo.write("tests/test_shapes.py", TESTS)
    revision = repo.commit("Add shapes")
    prefix, reference, suffix = SHAPES.partition("    return w * h")
    one = task(
        path="shapes.py",
        prefix=prefix,
        reference=reference,
        suffix=suffix,
        check=Check("pytest", revision, (), ("tests/test_shapes.py::test_area",), "", 1, 0.5),
    )
    folder = tmp_path / "mined"
    folder.mkdir()
    write_records(folder / "tasks.parquet", [one], Task)
    seen = project(box)
    seen.repository, seen.mined = Repository.open(repo.path), folder
    return seen


def test_the_tests_of_the_repository_decide(mined) -> None:
    (one,) = SUITE.tasks(mined)
    answers = [
        completion(one, "    return w * h"),
        completion(one, "    return w + h", arm="tuned"),
        completion(one, "", arm="retrieval"),
        *(
            completion(one, f"    return w * h + {sample % 5}", sample=sample, arm="tuned")
            for sample in range(1, 11)
        ),
    ]
    found = list(SUITE.judge(mined, [one], answers))
    greedy = {row.arm: row.top for row in found if row.measure == "pass@1"}
    assert greedy == {"base": 1.0, "tuned": 0.0, "retrieval": 0.0}
    assert [row.top for row in found if row.measure == "sampled"] == [0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
    rates = {row.measure: row.top for row in found if row.measure in ("pass@5", "pass@10")}
    assert rates == {"pass@5": pytest.approx(1 - 56 / 252), "pass@10": 1.0}  # C(8, 5) of C(10, 5) hold none
    why = next(row.note for row in found if row.arm == "tuned" and not row.sample)
    assert why.startswith("tests/test_shapes.py::test_area")


def test_without_mined_tasks_the_next_command_is_named(mined, tmp_path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    mined.mined = None
    with pytest.raises(UserMistake, match="tasks mine"):
        SUITE.tasks(mined)
    mined.mined = empty
    with pytest.raises(UserMistake, match="needs mined tasks"):
        SUITE.tasks(mined)


def test_the_limit_takes_tasks_of_all_files_first(mined, tmp_path) -> None:
    tasks = [task(f"{file}{number}", group=file) for file in ("a.py", "b.py", "c.py") for number in range(9)]
    write_records(tmp_path / "mined" / "tasks.parquet", tasks, Task)
    mined.settings = Settings.model_validate({"generation": {"tasks": 6}})
    asked = SUITE.tasks(mined)
    assert sorted(one.group for one in asked) == ["a.py"] * 2 + ["b.py"] * 2 + ["c.py"] * 2
