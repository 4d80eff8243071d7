"""Tasks of one's own: a JSON-lines file becomes the suite `user:PATH`.

    {"prompt": "Write slugify(title): ...",          what is asked, in words
     "path": "text/slug.py",                         where the answer goes; answer.py where it is left out
     "files": {"text/words.py": "..."},              shown to the model, and laid beside the answer
     "tests": {"tests/test_slug.py": "..."},         run with pytest; or one text: a program
     "reference": "def slugify(title): ..."}         an answer that passes: it proves the tests

    "prefix", "suffix"     of the file at "path": the model goes on from the prefix, "prompt" may be left out
    "language", "name"     python, and the number of the line, where they are left out
    "command"              words of a command that runs the tests in another language: ["make", "check"]

Tests are laid out only after the model has answered.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inhouse.digests import digest_json
from inhouse.errors import UserMistake
from inhouse.evaluation.mining.verify import Checker
from inhouse.evaluation.sampling import even_tasks
from inhouse.evaluation.suites.execution import judged, run_python, workers
from inhouse.evaluation.tasks import Check, Task, TaskFile
from inhouse.sandbox.checks import PythonTests

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.evaluation.tasks import Completion, Judgement, Project

__all__ = ["PREFIX", "UserTasks", "read_tasks", "user_suite"]

PREFIX = "user:"

_KEYS = {
    "prompt", "path", "files", "tests", "prefix", "suffix", "reference", "language", "name", "command",
}  # fmt: skip


@dataclass(slots=True)
class UserTasks:
    """The suite of one file."""

    path: Path
    name: str
    answers_of: str
    title: str = "tasks of your own"

    def tasks(self, project: Project) -> Sequence[Task]:
        """Return the tasks of the file, as many as the settings allow."""
        tasks = read_tasks(self.path, self.name)
        return even_tasks(tasks, project.settings.seed)[: project.settings.generation.tasks]

    def judge(
        self, project: Project, tasks: Sequence[Task], completions: Sequence[Completion]
    ) -> Iterator[Judgement]:
        """Run the tests of each task beside each answer."""

        def run(answers: Sequence[tuple[Task, str]]) -> list[tuple[bool, str] | None]:
            return _run(project, answers)

        return judged(self.name, tasks, completions, run)


def user_suite(name: str) -> UserTasks:
    """Return the suite that `user:PATH` names. Raises UserMistake when there is no such file."""
    path = Path(name.removeprefix(PREFIX)).expanduser()
    if not path.is_file():
        raise UserMistake("a suite of your own is a file of JSON lines", str(path), "see docs/suites.md")
    return UserTasks(path, f"{PREFIX}{path}", f"{PREFIX}{path}")


def read_tasks(path: Path, suite: str) -> list[Task]:
    """Return the tasks of a file. Raises UserMistake that names the line of the first mistake."""
    tasks = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if line.strip():
            tasks.append(_task(_checked(line, f"{path}:{number}"), suite, f"line {number}"))
    if not tasks:
        raise UserMistake("a suite of your own needs a task", str(path), "see docs/suites.md")
    return tasks


def _checked(line: str, where: str) -> dict[str, Any]:
    def mistake(rule: str, given: str) -> UserMistake:
        return UserMistake(rule, f"{where}: {given}", "see docs/suites.md")

    try:
        row = json.loads(line)
    except ValueError as error:
        raise mistake("each line is one JSON object", str(error)) from None
    if not isinstance(row, dict):
        raise mistake("each line is one JSON object", type(row).__name__)
    if unknown := sorted(row.keys() - _KEYS):
        raise mistake(f"a task has no other keys than {', '.join(sorted(_KEYS))}", unknown[0])
    if not row.get("prompt") and not row.get("prefix"):
        raise mistake("a task needs a prompt or a prefix", "neither")
    if not row.get("tests"):
        raise mistake("a task of your own needs tests: without them nothing says what is right", "no tests")
    if not row.get("reference"):
        raise mistake("a task of your own needs a reference that passes its tests", "no reference")
    if row.get("command") and isinstance(row["tests"], str):
        raise mistake("a command needs its tests as files", "one text")
    if not isinstance(row.get("files", {}), dict):
        raise mistake("files are an object of paths and texts", repr(row["files"]))
    return row


def _task(row: dict[str, Any], suite: str, name: str) -> Task:
    files = _files(row.get("files", {}))
    return Task(
        id=digest_json([suite.partition(":")[0], row]),
        suite=suite,
        kind="user",
        group=row.get("name", name),
        date=0,
        language=row.get("language", "python"),
        path=row.get("path", "answer.py"),
        prefix=row.get("prefix", ""),
        suffix=row.get("suffix", ""),
        instruction=row.get("prompt", ""),
        reference=row.get("reference", ""),
        context=files,
        check=_check(row, files),
        verified="by whoever wrote it",
    )


def _check(row: dict[str, Any], files: tuple[TaskFile, ...]) -> Check:
    tests = row["tests"]
    if isinstance(tests, str):
        return Check("program", "", files, (), tests, tests.count("assert"), 0.0)
    laid = (*files, *_files(tests))
    if row.get("command"):
        return Check("command", "", laid, tuple(row["command"]), "", 0, 0.0)
    return Check("pytest", "", laid, tuple(tests), "", 0, 0.0)


def _files(given: dict[str, str]) -> tuple[TaskFile, ...]:
    return tuple(TaskFile(path, text) for path, text in given.items())


# ------------------------------------------------------------------ running


def _run(project: Project, answers: Sequence[tuple[Task, str]]) -> list[tuple[bool, str] | None]:
    """Return the verdicts on answers. Raises UserMistake when a task's own reference does not pass."""
    python = [answer for answer in answers if answer[0].check.runner != "command"]
    others = [answer for answer in answers if answer[0].check.runner == "command"]
    verdicts = dict(zip(python, run_python(project, python, _laid, _tests), strict=True))
    checker = Checker(project.sandbox(), project.repository, project.settings.execution)
    found = checker.check_many(others, workers(project))
    verdicts |= {one: (it.passed, it.reason) for one, it in zip(others, found, strict=True)}
    for (task, _), verdict in verdicts.items():
        if verdict is None:
            raise UserMistake(
                "the reference of a task of your own must pass its tests", task.group, "mend the task"
            )
    return [verdicts[answer] for answer in answers]


def _laid(task: Task, answer: str) -> dict[str, str]:
    files = {file.path: file.text for file in task.context}
    return files | {task.path: f"{task.prefix}{answer}{task.suffix}\n"}


def _tests(task: Task) -> PythonTests:
    if task.check.runner == "program":
        return PythonTests(program=task.check.source, entry=task.path)
    given = {file.path: file.text.encode() for file in task.check.files}
    return PythonTests(nodes=task.check.tests, protected=given)
