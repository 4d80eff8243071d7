"""Commits with tests: what the commit's tests ask for fails before its change, and passes after it.

    tree of the parent + test files of the commit     its tests fail, twice
    tree of the commit                                they pass, twice

The change becomes the gap when all of it lies within 40 lines of one file. What stands before and behind the
gap is then the parent's text: nothing that the model is shown is newer than its task.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from inhouse.datasets.items import evenly
from inhouse.datasets.windows import split_lines
from inhouse.evaluation.mining.material import REDACTED
from inhouse.evaluation.mining.places import Place
from inhouse.evaluation.mining.proofs import TIMES
from inhouse.evaluation.mining.results import rejected, verified
from inhouse.evaluation.mining.survey import check_of
from inhouse.evaluation.mining.verify import Trial, record_of
from inhouse.languages import detect, is_code, is_test, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.datasets.material import Material
    from inhouse.evaluation.mining.results import Found
    from inhouse.evaluation.mining.workbench import Workbench
    from inhouse.evaluation.tasks import Check
    from inhouse.records import Change, Commit
    from inhouse.sandbox import Job

__all__ = ["KIND", "Candidate", "find_commits", "mine_commits"]

KIND = "commit"
_MOST_LINES = 40
_MOST_TESTS = 40  # that failed before
_MOST_KEPT = 10  # that passed before already, and must go on to pass


@dataclass(frozen=True, slots=True)
class Candidate:
    """A commit with tests, and the gap that its change is."""

    commit: str
    parent: str
    tests: tuple[str, ...]  # test files that the commit wrote, their data too
    place: Place  # the gap


def find_commits(
    material: Material, changes: Sequence[Sequence[Change]]
) -> tuple[list[Candidate], list[Found]]:
    """Return the commits whose change makes a gap, and the others with their reason."""
    commits = {commit.id: commit for commit in material.commits}
    candidates: list[Candidate] = []
    others: list[Found] = []
    for own in changes:
        found = _candidate(material, commits[own[0].commit], own)
        if isinstance(found, str):
            others.append(rejected(KIND, own[0].commit, found))
        else:
            candidates.append(found)
    return candidates, others


def mine_commits(bench: Workbench, candidates: Sequence[Candidate], runner: str) -> Iterator[Found]:
    """Yield a task, or the reason why there is none, for each commit."""

    def work(batch: Sequence[Candidate]) -> list[Found]:
        return [_verify(bench, candidate, runner) for candidate in batch]

    yield from bench.go_through(
        "python commits", candidates, lambda one: one.commit, lambda one: one.place, work
    )


# ------------------------------------------------------------ what the commit changed


def _candidate(material: Material, commit: Commit, changes: Sequence[Change]) -> Candidate | str:
    """Return the gap of a commit, or the reason why it has none."""
    python = [change for change in changes if detect(change.path) == "python"]
    tests = [
        change.path for change in changes if is_test(change.path, detect(change.path)) and change.document
    ]
    sources = [change for change in changes if _is_source(change)]
    if len(commit.parents) != 1:
        return "a merge, or the first commit"
    if not any(detect(path) == "python" for path in tests):
        return "changes no test"
    if not sources:
        return "changes tests only"
    if len(sources) > 1:
        return "changes several source files"
    source = sources[0]
    if source.status != "M" or source not in python or not source.hunks:
        return "adds, moves or removes its source file, or it is not Python"
    text = material.texts([source.document]).get(source.document)
    if text is None:
        return "hygiene removed its source file"
    place = _gap(source, text)
    if isinstance(place, str):
        return place
    return Candidate(commit.id, commit.parents[0], tuple(tests), place)


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
    symbol = _around(change.path, text, first, last)
    return Place(
        path=change.path,
        language="python",
        name=symbol or f"line {first}",
        signature="",
        line=first,
        prefix=prefix,
        reference=reference,
        suffix="".join(lines[last:]),
        head="",
    )


def _around(path: str, text: str, first: int, last: int) -> str:
    """Return the narrowest definition that holds some lines, "" for the file's own level."""
    holding = [
        symbol
        for symbol in parse(path, text, "python").symbols
        if symbol.start_line <= first and last <= symbol.end_line
    ]
    narrow = min(holding, key=lambda symbol: symbol.end_line - symbol.start_line, default=None)
    return narrow.qualified_name if narrow is not None else ""


# ------------------------------------------------------------ does it fail before, and pass after?


def _verify(bench: Workbench, candidate: Candidate, runner: str) -> Found:
    checker = bench.checker
    after, before = checker.trees.tree(candidate.commit), checker.trees.tree(candidate.parent)
    laid = {path: after.files[path] for path in candidate.tests if path in after.files}
    words = [path for path in laid if detect(path) == "python"]
    if not words:
        return rejected(KIND, candidate.commit, "its tests were skipped: large files")
    trees = (dict(after.files), before.with_files(laid))
    jobs = [_job(bench, files, words, runner) for files in trees] * TIMES
    records = [record_of(outcome) for outcome in checker.sandbox.run_many(jobs, bench.workers)]
    now = records[0].passed() & records[2].passed()
    earlier = records[1].passed() | records[3].passed()
    flaky = (records[0].passed() ^ records[2].passed()) | (records[1].passed() ^ records[3].passed())
    asked = sorted(now - earlier - flaky)
    if not asked:
        return rejected(KIND, candidate.commit, _why_not(now, flaky, earlier))
    kept = evenly(sorted((now & earlier) - flaky), _MOST_KEPT)
    check = check_of(runner, candidate.commit, [*asked[:_MOST_TESTS], *kept])
    return _proved(bench, candidate, check, len(asked[:_MOST_TESTS]))


def _why_not(now: set[str], flaky: set[str], earlier: set[str]) -> str:
    if not now:
        return "its tests do not pass in the sandbox after it"
    return (
        "flaky: its tests do not end alike twice" if flaky - earlier else "its tests pass before it already"
    )


def _job(bench: Workbench, files: dict[str, bytes], tests: Sequence[str], runner: str) -> Job:
    options = {"seconds": min(30.0, bench.checker.settings.timeout / 4)}
    words = list(tests) if runner == "pytest" else [_module(path) for path in tests]
    return bench.checker.test_job(files, runner, words, options)


def _module(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".")


def _proved(bench: Workbench, candidate: Candidate, check: Check, asked: int) -> Found:
    """Run the check that will judge answers: on the reference, and on the gap left as it was and empty."""
    place, checker = candidate.place, bench.checker
    reference = place.filled(place.reference)
    contents = [reference] + [place.filled("")] * TIMES
    trials = [Trial(check, place.path, content, reference) for content in contents]
    first, *empty = checker.run_many(trials, bench.workers)
    if not first.passed:
        return rejected(KIND, candidate.commit, f"its reference does not pass: {first.reason}")
    if any(verdict.passed for verdict in empty):
        return rejected(KIND, candidate.commit, "its tests pass without its lines")
    check = checker.measured(check, place.path, reference)
    words = (
        f"{asked} tests failed {TIMES} of {TIMES} runs at the parent with the commit's tests and passed "
        f"{TIMES} of {TIMES} at the commit; {check.expected - asked} passed at both; with the gap empty the "
        f"check failed {TIMES} of {TIMES} runs; isolation {checker.sandbox.isolation}"
    )
    task = bench.task_at(KIND, place, check, words, _ask(bench, candidate), detail=candidate.commit)
    date = bench.material.dates[candidate.commit]
    return verified(candidate.commit, replace(task, group=candidate.commit, date=date))


def _ask(bench: Workbench, candidate: Candidate) -> str:
    message, _ = bench.material.message(candidate.commit)
    place = candidate.place
    wish = f"Write the lines that are missing in `{place.name}` of `{place.path}`"
    return f"{wish} to make this change:\n\n{message}" if message else f"{wish}."
