"""Tasks of one's own: a JSON-lines file becomes the suite `user:PATH`.

    {"prompt": "Write slugify(title): ...",          what is asked, in words
     "path": "text/slug.py",                         where the answer goes; answer.py where it is left out
     "files": {"text/words.py": "..."},              shown to the model, and laid beside the answer
     "tests": {"tests/test_slug.py": "..."},         run with pytest, with files that they need; or one
                                                     text: a program
     "reference": "def slugify(title): ..."}         an answer that passes: it proves the tests

    "prefix", "suffix"     of the file at "path": the model goes on from the prefix, "prompt" may be left out
    "language", "name"     python, and the number of the line, where they are left out
    "command"              words of a command that runs the tests in another language: ["make", "check"]

Tests are laid out only after the model has answered.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from inhouse.digests import digest_json
from inhouse.errors import CheckFailed, UserMistake
from inhouse.evaluation.mining.environment import PythonEnvironment
from inhouse.evaluation.mining.verify import Checker, rounded
from inhouse.evaluation.sampling import even_tasks
from inhouse.evaluation.suites.execution import judged, run_python, workers
from inhouse.evaluation.tasks import Check, Task, TaskFile
from inhouse.sandbox.checks import PythonTests, expect_python

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from inhouse.evaluation.mining.verify import Verdict
    from inhouse.evaluation.tasks import Completion, Judgement, Project
    from inhouse.sandbox import Sandbox

__all__ = ["PREFIX", "UserTasks", "prove", "read_tasks", "user_suite"]

PREFIX = "user:"

_HELP = "see docs/suites.md"
_TEXTS = ("prompt", "path", "prefix", "suffix", "reference", "language", "name")
_KEYS = {*_TEXTS, "files", "tests", "command"}
_PATH = "answer.py"
_MOST_SHOWN = 60  # characters of a value that was mistaken


@dataclass(slots=True)
class UserTasks:
    """The suite of one file."""

    path: Path
    name: str
    answers_of: str
    title: str = "tasks of your own"

    def tasks(self, project: Project) -> Sequence[Task]:
        """Return the tasks of the file, as many as the settings allow, once their references have passed.

        A mistake in the tests is told before a model writes for them.
        """
        tasks = read_tasks(self.path, self.name)
        chosen = even_tasks(tasks, project.settings.seed)[: project.settings.generation.tasks]
        prove(project, chosen)
        return chosen

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
        raise UserMistake("a suite of your own is a file of JSON lines", str(path), _HELP)
    return UserTasks(path, f"{PREFIX}{path}", f"{PREFIX}{path}")


def read_tasks(path: Path, suite: str) -> list[Task]:
    """Return the tasks of a file. Raises UserMistake that names the line of the first mistake."""
    tasks: dict[str, Task] = {}
    for number, line in enumerate(_read(path).split("\n"), 1):
        if line.strip():
            where = f"{path}:{number}"
            task = _task(_checked(line, where), suite, f"line {number}")
            if task.id in tasks:
                raise _mistake("a task stands in a file once", where, f"the same as {tasks[task.id].group}")
            tasks[task.id] = task
    if not tasks:
        raise UserMistake("a suite of your own needs a task", str(path), _HELP)
    return list(tasks.values())


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserMistake("a suite of your own is text in UTF-8", f"{path}: {error.reason}", _HELP) from None


def _mistake(rule: str, where: str, given: str) -> UserMistake:
    return UserMistake(rule, f"{where}: {given}", _HELP)


# ------------------------------------------------------------------ one line


def _checked(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise _mistake("each line is one JSON object", where, str(error)) from None
    if not isinstance(row, dict):
        raise _mistake("each line is one JSON object", where, type(row).__name__)
    for rule, given in chain(_wrong_forms(row), _wrong_parts(row)):  # parts only where all forms are right
        raise _mistake(rule, where, given)
    return row


def _wrong_forms(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (rule, what was given) of keys and values that a task may not have."""
    for key in sorted(row.keys() - _KEYS):
        yield f"a task has no other keys than {', '.join(sorted(_KEYS))}", key
    for key in _TEXTS:
        if not isinstance(row.get(key, ""), str):
            yield f"{key} is a text", _shown(row[key])
    if not _are_files(row.get("files", {})):
        yield "files are an object of paths and texts", _shown(row["files"])
    tests = row.get("tests") or {}
    if not isinstance(tests, str) and not _are_files(tests):
        yield "tests are an object of paths and texts, or one text", _shown(tests)
    command = row.get("command", [])
    if not isinstance(command, list) or not all(isinstance(word, str) for word in command):
        yield "a command is a list of words", _shown(command)
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        yield "texts are Unicode", str(error.reason)


def _wrong_parts(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (rule, what was given) of what a task lacks, and of parts that do not go together."""
    if not row.get("prompt", "").strip() and not row.get("prefix", "").strip():
        yield "a task needs a prompt or a prefix", "neither"
    tests = row.get("tests")
    if not tests or (isinstance(tests, str) and not tests.strip()):
        yield "a task of your own needs tests: without them nothing says what is right", "no tests"
    if not row.get("reference", "").strip():
        yield "a task of your own needs a reference that passes its tests", "no reference"
    if row.get("command") and isinstance(tests, str):
        yield "a command needs its tests as files", "one text"
    laid = tests if isinstance(tests, dict) else {}
    for path in (row.get("path", _PATH), *row.get("files", {}), *laid):
        if not _stays_inside(path):
            yield "paths are relative and stay beside the answer", repr(path)
    if row.get("path", _PATH) in laid:
        yield "tests are other files than the answer", row.get("path", _PATH)


def _are_files(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())


def _stays_inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and parts[0] != "/" and ".." not in parts and "\0" not in path


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def _task(row: dict[str, Any], suite: str, name: str) -> Task:
    files = _files(row.get("files", {}))
    return Task(
        id=digest_json([suite.partition(":")[0], row]),
        suite=suite,
        kind="user",
        group=row.get("name", name),
        date=0,
        language=row.get("language", "python"),
        path=row.get("path", _PATH),
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
    beside = tuple(file for file in files if file.path != row.get("path", _PATH))  # that one is replaced
    laid = (*beside, *_files(tests))
    if row.get("command"):
        return Check("command", "", laid, tuple(row["command"]), "", 0, 0.0)
    return Check("pytest", "", laid, _collected(tests), "", 0, 0.0)


def _collected(tests: Iterable[str]) -> tuple[str, ...]:
    """Return the files that pytest is to run: those it would find, or else all that are Python."""
    python = [path for path in tests if path.endswith(".py")]
    names = {path: PurePosixPath(path).stem for path in python}
    found = [path for path, name in names.items() if name.startswith("test_") or name.endswith("_test")]
    return tuple(found or python)


def _files(given: dict[str, str]) -> tuple[TaskFile, ...]:
    return tuple(TaskFile(path, text) for path, text in given.items())


# ------------------------------------------------------------------ running


def prove(project: Project, tasks: Sequence[Task]) -> None:
    """Judge the references, which have to pass twice: as what answers are measured by, and as answers.

    Raises UserMistake for the first that does not.
    """
    verdicts = _run(project, [(task, task.reference) for task in tasks])
    for task, verdict in zip(tasks, verdicts, strict=True):
        if verdict is not None and not verdict[0]:
            raise _unsound(task, f"it passed before, and then not: {verdict[1]}")


def _run(project: Project, answers: Sequence[tuple[Task, str]]) -> list[tuple[bool, str] | None]:
    """Return the verdicts on answers. Raises UserMistake when a task's own reference does not pass."""
    commands = [answer for answer in answers if answer[0].check.runner == "command"]
    python = [answer for answer in answers if answer[0].check.runner != "command"]
    tests = _tests_with(project)
    verdicts = dict(zip(python, run_python(project, python, _laid, tests), strict=True))
    for (task, _), verdict in verdicts.items():
        if verdict is None:
            raise _unsound(task, _why(project, task, tests(task)))
    verdicts |= zip(commands, _run_commands(project, commands), strict=True)
    return [verdicts[answer] for answer in answers]


def _unsound(task: Task, why: str) -> UserMistake:
    given = f"{task.suite.removeprefix(PREFIX)}, {task.group} ({why})"
    return UserMistake("the reference of a task of your own must pass its tests", given, "mend the task")


def _why(project: Project, task: Task, tests: PythonTests) -> str:
    files = {path: text.encode() for path, text in _laid(task, task.reference).items()}
    try:
        expect_python(project.sandbox(), files, tests)
    except CheckFailed as failed:
        return str(failed)
    return "it passes at times"


_proved: WeakKeyDictionary[Sandbox, dict[Task, Task]] = WeakKeyDictionary()


def _run_commands(project: Project, answers: Sequence[tuple[Task, str]]) -> list[tuple[bool, str]]:
    """Return the verdicts on answers to tasks with a command, whose references are run first, once."""
    if not answers:
        return []
    checker = Checker(project.sandbox(), project.repository, project.settings.execution)
    proved = _proved.setdefault(project.sandbox(), {})
    new = list(dict.fromkeys(task for task, _ in answers if task not in proved))
    found = checker.check_many([(task, task.reference) for task in new], workers(project))
    for task, verdict in zip(new, found, strict=True):
        if not verdict.passed:
            raise _unsound(task, verdict.reason)
        proved[task] = _measured(task, verdict)
    verdicts = checker.check_many([(proved[task], text) for task, text in answers], workers(project))
    return [(verdict.passed, verdict.reason) for verdict in verdicts]


def _measured(task: Task, verdict: Verdict) -> Task:
    """Return a task whose check knows how many tests its reference passed, and how long it took."""
    check = replace(task.check, expected=verdict.count, seconds=rounded(verdict.seconds))
    return replace(task, check=check)


def _laid(task: Task, answer: str) -> dict[str, str]:
    files = {file.path: file.text for file in task.context}
    return files | {task.path: f"{task.prefix}{answer}{task.suffix}\n"}


def _tests_with(project: Project) -> Callable[[Task], PythonTests]:
    """Return what makes the tests of a task, run with the environment that the settings name."""
    named = project.settings.execution.python
    if named is None:
        return _tests
    python = PythonEnvironment.probe(named, project.repository.path)
    return lambda task: replace(_tests(task), readable=python.readable, python=str(python.executable))


def _tests(task: Task) -> PythonTests:
    if task.check.runner == "program":
        return PythonTests(program=task.check.source, entry=task.path)
    given = {file.path: file.text.encode() for file in task.check.files}
    return PythonTests(nodes=task.check.tests, protected=given)
