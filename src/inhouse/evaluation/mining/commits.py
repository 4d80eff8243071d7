"""Commits with tests: what the commit's tests ask for fails before its change, and passes after it.

    before      its tests fail, twice
    after       they pass, twice: the tree of the commit

Before is, for Python, the parent's tree with the commit's test files. Where tests are run by a command, it is
the commit's tree with the source file as the parent had it: new tests stand in makefiles, and call what
headers declare.

The change becomes the gap when all of it lies within 40 lines of one file. What stands before and behind the
gap is then the parent's text: nothing that the model is shown is newer than its task.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from inhouse.datasets.windows import split_lines
from inhouse.evaluation.mining.material import LANGUAGES, REDACTED
from inhouse.evaluation.mining.places import Place
from inhouse.evaluation.mining.proofs import TIMES
from inhouse.evaluation.mining.results import rejected, verified
from inhouse.evaluation.mining.verify import Trial
from inhouse.languages import detect, is_code, is_test, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.datasets.material import Material
    from inhouse.evaluation.mining.results import Found
    from inhouse.evaluation.mining.workbench import Workbench
    from inhouse.evaluation.tasks import Check
    from inhouse.records import Change, Commit

__all__ = ["KIND", "Asked", "Candidate", "Tests", "find_commits", "mine_commits", "why_not"]

KIND = "commit"
_MOST_LINES = 40


@dataclass(frozen=True, slots=True)
class Candidate:
    """A commit with tests, and the gap that its change is."""

    commit: str
    parent: str
    tests: tuple[str, ...]  # test files that the commit wrote, their data too
    place: Place  # the gap


class Tests(Protocol):
    """How the tests of commits are run in one language."""

    def ask(self, bench: Workbench, candidate: Candidate) -> Asked | str:
        """Run a commit's tests before and after its change, twice each. Returns why it is no task, if so."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What a commit's tests ask for."""

    check: Check  # not yet proved
    tests: int  # that failed before and pass after
    where: str  # they failed, in words
    before: str | None = None  # content of the file that has to fail, too


def find_commits(
    material: Material, changes: Sequence[Sequence[Change]]
) -> tuple[dict[str, list[Candidate]], dict[str, list[Found]]]:
    """Return the commits whose change makes a gap, and the others with their reason, by language.

    One that changes no code counts for the language that most of the commits change.
    """
    commits = {commit.id: commit for commit in material.commits}
    candidates: dict[str, list[Candidate]] = {}
    others: dict[str, list[Found]] = {}
    languages = [_language(own) for own in changes]
    usual = max(LANGUAGES, key=languages.count)
    for own, language in zip(changes, languages, strict=True):
        found = _candidate(material, commits[own[0].commit], own)
        if isinstance(found, str):
            others.setdefault(language or usual, []).append(rejected(KIND, own[0].commit, found))
        else:
            candidates.setdefault(found.place.language, []).append(found)
    return candidates, others


def mine_commits(
    bench: Workbench, candidates: Sequence[Candidate], tests: Tests, language: str
) -> Iterator[Found]:
    """Yield a task, or the reason why there is none, for each commit."""

    def work(batch: Sequence[Candidate]) -> list[Found]:
        return [_verify(bench, candidate, tests) for candidate in batch]

    yield from bench.go_through(
        f"{language} commits", candidates, lambda one: one.commit, lambda one: one.place, work
    )


def _verify(bench: Workbench, candidate: Candidate, tests: Tests) -> Found:
    asked = tests.ask(bench, candidate)
    if isinstance(asked, str):
        return rejected(KIND, candidate.commit, asked)
    return _proved(bench, candidate, asked)


# ------------------------------------------------------------ what the commit changed


def _language(changes: Sequence[Change]) -> str:
    """Return the first language of a commit's code whose tests can be run, "" for none."""
    sources = [detect(change.path) for change in changes if _is_source(change)]
    others = [detect(change.path) for change in changes]
    return next((language for language in sources + others if language in LANGUAGES), "")


def _candidate(material: Material, commit: Commit, changes: Sequence[Change]) -> Candidate | str:
    """Return the gap of a commit, or the reason why it has none."""
    tests = [
        change.path for change in changes if is_test(change.path, detect(change.path)) and change.document
    ]
    sources = _sources(changes)
    if len(commit.parents) != 1:
        return "a merge, or the first commit"
    if not tests or (sources and not _tests_in(detect(sources[0].path), tests)):
        return "changes no test"
    if not sources:
        return "changes tests only" if any(is_code(detect(path)) for path in tests) else "changes no test"
    if len(sources) > 1:
        return "changes several source files"
    source = sources[0]
    if source.status != "M" or detect(source.path) not in LANGUAGES or not source.hunks:
        return "adds, moves or removes its source file, or it is in another language"
    text = material.texts([source.document]).get(source.document)
    if text is None:
        return "hygiene removed its source file"
    place = _gap(source, text)
    if isinstance(place, str):
        return place
    return Candidate(commit.id, commit.parents[0], tuple(tests), place)


def _tests_in(language: str, tests: Sequence[str]) -> bool:
    """Tell whether tests of a language are among the files; those of C may be data, or scripts."""
    return language == "c" or any(detect(path) == language for path in tests)


def _sources(changes: Sequence[Change]) -> list[Change]:
    """Return the changed source files; headers of C only where nothing else changed: they are given."""
    sources = [change for change in changes if _is_source(change)]
    without = [change for change in sources if not change.path.endswith(".h")]
    return without or sources


def _is_source(change: Change) -> bool:
    language = detect(change.path)
    return is_code(language) and not is_test(change.path, language) and not change.path.startswith("docs/")


def _gap(change: Change, text: str) -> Place | str:
    """Return the run of lines that holds all changes of a file, or the reason why it is no gap."""
    added = [hunk for hunk in change.hunks if hunk.new_count]
    if not added:
        return "only removes lines"
    first = min(hunk.new_start + (0 if hunk.new_count else 1) for hunk in change.hunks)
    last = max(hunk.new_start + hunk.new_count - (1 if hunk.new_count else 0) for hunk in change.hunks)
    if last - first + 1 > _MOST_LINES:
        return f"its change spans more than {_MOST_LINES} lines"
    lines = split_lines(text)
    if last > len(lines) or "\r" in text:
        return "its text does not match the change"
    prefix, reference = "".join(lines[: first - 1]), "".join(lines[first - 1 : last])
    if REDACTED in reference:
        return "a secret was redacted in it"
    if not reference.strip():
        return "adds blank lines only"
    language = detect(change.path)
    symbol = _around(change.path, text, language, first, last)
    return Place(
        path=change.path,
        language=language,
        name=symbol or f"line {first}",
        signature="",
        line=first,
        prefix=prefix,
        reference=reference,
        suffix="".join(lines[last:]),
        head="",
    )


def _around(path: str, text: str, language: str, first: int, last: int) -> str:
    """Return the narrowest definition that holds some lines, "" for the file's own level."""
    holding = [
        symbol
        for symbol in parse(path, text, language).symbols
        if symbol.start_line <= first and last <= symbol.end_line
    ]
    narrow = min(holding, key=lambda symbol: symbol.end_line - symbol.start_line, default=None)
    return narrow.qualified_name if narrow is not None else ""


# ------------------------------------------------------------ does it fail before, and pass after?


def why_not(now: set[str], flaky: set[str], earlier: set[str]) -> str:
    """Say why a commit's tests ask for nothing, from those that passed after and before, and now and then."""
    if not now:
        return "its tests do not pass in the sandbox after it"
    return (
        "flaky: its tests do not end alike twice" if flaky - earlier else "its tests pass before it already"
    )


def _proved(bench: Workbench, candidate: Candidate, asked: Asked) -> Found:
    """Run the check that will judge answers: on the reference, and on the gap left as it was and empty."""
    place, checker = candidate.place, bench.checker
    reference = place.filled(place.reference)
    wrong = [place.filled(""), *([asked.before] if asked.before is not None else [])]
    trials = [Trial(asked.check, place.path, content, reference) for content in [reference, *wrong * TIMES]]
    first, *others = checker.run_many(trials, bench.workers)
    if not first.passed:
        return rejected(KIND, candidate.commit, f"its reference does not pass: {first.reason}")
    if any(verdict.passed for verdict in others[:: len(wrong)]):
        return rejected(KIND, candidate.commit, "its tests pass without its lines")
    if any(verdict.passed for verdict in others):
        return rejected(KIND, candidate.commit, "its tests pass before it already")
    check = checker.measured(asked.check, place.path, reference)
    both = f"; {check.expected - asked.tests} passed at both" if check.runner != "command" else ""
    words = (
        f"{asked.tests} tests failed {TIMES} of {TIMES} runs {asked.where} and passed {TIMES} of {TIMES} "
        f"at the commit{both}; with the gap empty the check failed {TIMES} of {TIMES} runs; "
        f"isolation {checker.sandbox.isolation}"
    )
    task = bench.task_at(KIND, place, check, words, _ask(bench, candidate), detail=candidate.commit)
    date = bench.material.dates[candidate.commit]
    return verified(candidate.commit, replace(task, group=candidate.commit, date=date))


def _ask(bench: Workbench, candidate: Candidate) -> str:
    message, _ = bench.material.message(candidate.commit)
    place = candidate.place
    wish = f"Write the lines that are missing in `{place.name}` of `{place.path}`"
    return f"{wish} to make this change:\n\n{message}" if message else f"{wish}."
