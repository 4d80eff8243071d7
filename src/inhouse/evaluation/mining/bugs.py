"""Injected bugs: a small mistake that breaks a passing test, to be found and mended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.digests import digest_json
from inhouse.evaluation.mining.functions import place_key
from inhouse.evaluation.mining.mutations import RULES, mutations
from inhouse.evaluation.mining.proofs import TIMES
from inhouse.evaluation.mining.results import rejected, verified
from inhouse.evaluation.mining.verify import Trial
from inhouse.evaluation.tasks import TaskFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.evaluation.mining.mutations import Mutation
    from inhouse.evaluation.mining.places import Place
    from inhouse.evaluation.mining.results import Found
    from inhouse.evaluation.mining.verify import Verdict
    from inhouse.evaluation.mining.workbench import Workbench
    from inhouse.evaluation.tasks import Task

    Bug = tuple[Place, Task, Mutation]

__all__ = ["KIND", "mine_bugs"]

KIND = "bug"
_OF_A_FUNCTION = 3
_MOST_FAILING = 5  # names of tests that are told


def mine_bugs(bench: Workbench, functions: Sequence[tuple[Place, Task]], language: str) -> Iterator[Found]:
    """Yield a task, or the reason why there is none, for bugs injected into functions with a proved check."""
    bugs = [(place, task, bug) for place, task in functions for bug in _chosen(place, bench.seed)]

    def work(batch: Sequence[Bug]) -> list[Found]:
        trials = [
            Trial(task.check, place.path, place.filled(bug.body), place.filled(place.reference))
            for place, task, bug in batch
        ]
        verdicts = bench.checker.run_many(trials * TIMES, bench.workers)
        return [_found(bench, *bug, verdicts[number :: len(batch)]) for number, bug in enumerate(batch)]

    yield from bench.go_through(f"{language} bugs", bugs, _key, lambda bug: bug[0], work)


def _key(bug: Bug) -> str:
    place, _, mutation = bug
    return f"{place_key(place)} {mutation.rule} {digest_json(mutation.body)[:8]}"


def _chosen(place: Place, seed: int) -> list[Mutation]:
    """Return a few mutations of a function, of different rules, chosen by the seed alone."""
    by_rule: dict[str, Mutation] = {}
    for mutation in sorted(mutations(place), key=lambda one: digest_json([seed, place_key(place), one.body])):
        by_rule.setdefault(mutation.rule, mutation)
    return list(by_rule.values())[:_OF_A_FUNCTION]


def _found(
    bench: Workbench, place: Place, task: Task, mutation: Mutation, verdicts: Sequence[Verdict]
) -> Found:
    place_name = f"{place_key(place)} ({mutation.rule})"
    reason = _reason(verdicts)
    if reason:
        return rejected(KIND, place_name, reason)
    words = (
        f"{RULES[mutation.rule]} (`{mutation.was}` is `{mutation.now}`) and its check failed "
        f"{TIMES} of {TIMES} runs; {task.verified}"
    )
    shown = TaskFile(place.path, place.head + mutation.body)
    instruction = _ask(place, mutation, _failing(verdicts[0]))
    return verified(
        place_name, bench.task_at(KIND, place, task.check, words, instruction, (shown,), mutation.body)
    )


def _reason(verdicts: Sequence[Verdict]) -> str:
    """Say why a mutation is no bug to be mended, or ""."""
    if all(verdict.passed for verdict in verdicts):
        return "no test notices the bug"
    if any(verdict.passed for verdict in verdicts):
        return "flaky: the bug is noticed once and once not"
    hits = [limit for verdict in verdicts if verdict.outcome is not None for limit in verdict.outcome.hit]
    if hits:
        return f"the bug hits the limit of {hits[0]}"
    compiled = verdicts[0].tests or all(verdict.built for verdict in verdicts)
    return "" if compiled else "the bug does not compile"


def _failing(verdict: Verdict) -> list[str]:
    return sorted(test for test, state in verdict.tests.items() if state != "passed")[:_MOST_FAILING]


def _ask(place: Place, mutation: Mutation, failing: Sequence[str]) -> str:
    tests = f": {', '.join(failing)}" if failing else ""
    return (
        f"The function `{place.name}` in `{place.path}` has a bug, and its tests fail{tests}. "
        f"Write its body again without the bug. Now it is:\n\n"
        f"```{place.language}\n{place.head}{mutation.body}\n```"
    )
