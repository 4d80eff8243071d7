"""The artefact of `inhouse tasks mine`.

    tasks.parquet      Task: what was verified
    rejected.parquet   Rejected: what was not, with the reason
    counts.json        how many of each kind, what the tests said, what was left out

Python has all four kinds; C and JavaScript have all but equivalence, checked by a command.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from inhouse.datasets.material import Material
from inhouse.errors import UserMistake
from inhouse.evaluation.mining import bugs, commits, equivalence, functions
from inhouse.evaluation.mining.commands import plan_for, survey_command
from inhouse.evaluation.mining.commit_tests import CommandCommits, PythonCommits
from inhouse.evaluation.mining.material import LANGUAGES, Known, find_fresh
from inhouse.evaluation.mining.plans import NoCommand
from inhouse.evaluation.mining.results import Rejected
from inhouse.evaluation.mining.survey import survey
from inhouse.evaluation.mining.verify import Checker
from inhouse.evaluation.mining.workbench import Workbench
from inhouse.evaluation.tasks import Task
from inhouse.records import Change
from inhouse.shards import read_records, write_json, write_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from inhouse.config import Settings
    from inhouse.evaluation.mining.commits import Candidate
    from inhouse.evaluation.mining.functions import Suite
    from inhouse.evaluation.mining.material import Fresh
    from inhouse.evaluation.mining.places import Place
    from inhouse.evaluation.mining.results import Found
    from inhouse.progress import Progress
    from inhouse.sandbox import Sandbox
    from inhouse.sources.git import Repository

__all__ = ["MAX_TASKS", "write_mined"]

MAX_TASKS = {"smoke": 8, "demo": 20, "full": 60}
"""Tasks of each kind and language, by budget."""

_UNTESTED = "no test executes it"


def write_mined(
    repository: Repository,
    history: Path,
    corpus: Path,
    sandbox: Sandbox,
    settings: Settings,
    folder: Path,
    workers: int,
    progress: Progress,
) -> None:
    """Fill `folder` with the files above. What a killed run had verified is kept.

    Raises UserMistake when nothing could be mined because the tests do not run.
    """
    checker = Checker(sandbox, repository, settings.execution)
    material = Material(history, corpus)
    heldout = _heldout(material, history)
    bench = Workbench(
        checker=checker,
        material=material,
        dates=_dates(material, heldout),
        folder=folder,
        progress=progress,
        workers=workers,
        seed=settings.seed,
        enough=settings.execution.max_tasks or MAX_TASKS[settings.budget],
    )
    mined = _Mined(bench)
    tree = checker.trees.tree(material.split.tip)
    with progress.task("find functions that are new since the cut", unit="functions") as bar:
        known = Known(material)
        fresh = {name: find_fresh(material, known, tree.files, name) for name in LANGUAGES}
        bar.advance(sum(len(found.places) for found in fresh.values()))
    for language, found in fresh.items():
        mined.note(language, found)
    candidates, others = commits.find_commits(material, heldout)
    for language in LANGUAGES:
        places, own = fresh[language].places, candidates.get(language, [])
        if places or own:
            mined.take(language, others.get(language, []))
            mined.mine(language, places, own)
    mined.write(folder, dict(tree.skipped))


def _heldout(material: Material, history: Path) -> list[list[Change]]:
    """Return all changes of each commit after the cut that has any, newest first."""
    wanted = {commit: number for number, commit in enumerate(material.periods["heldout"])}
    changes = (change for change in read_records(history, "changes", Change) if change.commit in wanted)
    grouped = [list(own) for _, own in groupby(changes, lambda change: change.commit)]
    return sorted(grouped, key=lambda own: wanted[own[0].commit])


def _dates(material: Material, heldout: Sequence[Sequence[Change]]) -> dict[str, int]:
    dates: dict[str, int] = {}
    for own in heldout:
        for change in own:
            dates.setdefault(change.path, material.dates[change.commit])
    return dates


@dataclass
class _Mined:
    """What was found so far."""

    bench: Workbench
    tasks: dict[str, Task] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    tried: Counter[tuple[str, str]] = field(default_factory=Counter)
    languages: dict[str, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
    problems: list[str] = field(default_factory=list)

    def note(self, language: str, fresh: Fresh) -> None:
        """Count the functions of a language that are new, and those that cannot be asked for."""
        self.languages[language] = {
            "new_functions": len(fresh.places) + len(fresh.rejected),
            "known_functions": fresh.known,
        }
        self.rejected += [Rejected(functions.KIND, place, reason) for place, reason in fresh.rejected]

    def mine(self, language: str, places: Sequence[Place], candidates: Sequence[Candidate]) -> None:
        """Mine all kinds of one language."""
        command = self.bench.checker.settings.test_command
        if language == "python" and (not command or "pytest" in " ".join(command)):
            self._python(places, candidates)
        else:
            self._by_command(language, places, candidates)

    def _python(self, places: Sequence[Place], candidates: Sequence[Candidate]) -> None:
        bench = self.bench
        found = survey(bench.checker, bench.material.split.tip, bench.folder, bench.workers, bench.progress)
        self.languages["python"] |= {"tests": dict(found.counts), "runner": found.runner}
        if found.problem:
            self._problem("python", found.problem)
        else:
            self._functions_and_bugs("python", found, places)
            tests = PythonCommits(found.runner)
            self.take("python", commits.mine_commits(bench, candidates, tests, "python"))
        untested = [place for place in places if found.problem or found.check_for(place) == _UNTESTED]
        self.take("python", equivalence.mine_equivalence(bench, untested))

    def _by_command(self, language: str, places: Sequence[Place], candidates: Sequence[Candidate]) -> None:
        bench, tip = self.bench, self.bench.material.split.tip
        try:
            plan = plan_for(bench.checker, tip, language)
            self.languages[language] |= {"command": plan.shown}
            with bench.progress.task(f"run the {language} tests"):
                tests = survey_command(bench.checker, tip, language, plan, bench.workers)
        except NoCommand as reason:
            self._problem(language, str(reason))
            return
        self.languages[language]["tests"] = dict(tests.counts)
        if tests.reach.problem:
            self.languages[language]["reach"] = tests.reach.problem
        self._functions_and_bugs(language, tests, places)
        if language != "python":
            found = commits.mine_commits(bench, candidates, CommandCommits(language), language)
            self.take(language, found)

    def _functions_and_bugs(self, language: str, suite: Suite, places: Sequence[Place]) -> None:
        found = self.take(language, functions.mine_functions(self.bench, suite, places, language))
        by_key = {functions.place_key(place): place for place in places}
        proved = [(by_key[one.place], task) for one in found for task in one.tasks]
        self.take(language, bugs.mine_bugs(self.bench, proved, language))

    def _problem(self, language: str, sentence: str) -> None:
        self.languages[language]["problem"] = sentence
        self.problems.append(sentence)
        self.bench.progress.warn(f"{language}: {sentence}")

    def take(self, language: str, results: Iterable[Found]) -> list[Found]:
        """Keep what was found, and count it."""
        found = list(results)
        for one in found:
            self.tried[one.kind, language] += 1
            self.tasks.update((task.id, task) for task in one.tasks)
            if one.reason:
                self.rejected.append(Rejected(one.kind, one.place, one.reason))
        return found

    def write(self, folder: Path, skipped: dict[str, int]) -> None:
        """Write the files of the artefact and remove the shards."""
        if not self.tasks and self.problems:
            rule, _, rest = self.problems[0].partition("; ")
            given, _, step = rest.rpartition("; ")
            raise UserMistake(f"tests must run before tasks can be mined: {rule}", given, step)
        tasks = sorted(self.tasks.values(), key=lambda task: (task.kind, task.language, task.path, task.id))
        write_records(folder / "tasks.parquet", tasks, Task)
        write_records(folder / "rejected.parquet", self.rejected, Rejected)
        write_json(folder / "counts.json", self._counts(tasks, skipped))
        for path in [
            *folder.glob("*-[0-9]*.parquet"),
            *folder.glob("survey-*.json"),
            folder / "collected.json",
        ]:
            path.unlink(missing_ok=True)

    def _counts(self, tasks: Sequence[Task], skipped: dict[str, int]) -> dict[str, Any]:
        verified = Counter((task.kind, task.language) for task in tasks)
        reasons: dict[str, Counter[str]] = defaultdict(Counter)
        for one in self.rejected:
            reasons[one.kind][one.reason.partition(":")[0]] += 1
        rows = [
            {"kind": kind, "language": language, "candidates": self.tried[kind, language],
             "verified": verified[kind, language]}
            for kind, language in sorted(self.tried)
        ]  # fmt: skip
        return {
            "tasks": len(tasks),
            "wanted_of_each": self.bench.enough,
            "untried": self.bench.untried,
            "kinds": rows,
            "rejected": {kind: dict(counter.most_common()) for kind, counter in sorted(reasons.items())},
            "languages": dict(self.languages),
            "files_skipped": skipped,
            "isolation": self.bench.checker.sandbox.isolation,
            "notes": [*self.problems, *_too_few(rows, self.bench.enough)],
        }


def _too_few(rows: Sequence[dict[str, Any]], wanted: int) -> list[str]:
    """Say where there are fewer tasks than wanted: older code is no substitute, training has seen it."""
    return [
        f"{row['verified']} of {wanted} {row['language']} {row['kind']} tasks: "
        f"no more of what came after the cut could be verified"
        for row in rows
        if row["verified"] < wanted
    ]
