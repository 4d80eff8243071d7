"""Do the statistics keep their promises? An A/A comparison and a planted effect on stored scores.

python benchmarks/bench_validity.py [WORKSPACE] [--adapter NAME] [--repetitions 200]

Nothing is generated or judged: in each repetition a coin for each file or commit decides which arm is called
which, and nothing should be found; then the effect is planted that data like these are said to show with 90%
power. The peer is the naive test of the same scores: a t test over tasks, as if they were independent.
Without a workspace, made-up scores whose tasks move together by file.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np

from inhouse.evaluation.results import kind_of
from inhouse.evaluation.tasks import Judgement
from inhouse.evaluation.validity import REPETITIONS, exchanged, validity
from inhouse.registry.adapters import Registry
from inhouse.registry.stored import stored_judgements

FIRST, SECOND = "tuned", "base"
MOST_FALSE, LEAST_FOUND = 15 / 200, 160 / 200


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("workspace", nargs="?", type=Path, help="folder that holds .inhouse/")
    parser.add_argument("--adapter", help="name of a registered adapter (default: the first)")
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    given = parser.parse_args()
    judgements = stored(given.workspace, given.adapter) if given.workspace else made_up()
    print(
        f"{given.repetitions} repetitions; allowed: {MOST_FALSE:.1%} false, {LEAST_FOUND:.0%} found at least"
    )
    print()
    print("| suite, measure | tasks | groups | found where nothing is | naive t test | planted | found |")
    print("|---|---|---|---|---|---|---|")
    kept = True
    for (suite, measure), rows in sorted(by_measure(judgements).items()):
        found = validity(rows, FIRST, SECOND, repetitions=given.repetitions)
        if found is None:
            continue
        naive = naive_findings(rows, given.repetitions)
        kept = kept and found.false <= MOST_FALSE * found.repetitions
        kept = kept and found.found >= LEAST_FOUND * found.repetitions
        shares = [f"{number / found.repetitions:.1%}" for number in (found.false, naive, found.found)]
        print(
            f"| {suite}, {measure} | {found.tasks} | {found.groups} | {shares[0]} | {shares[1]} "
            f"| {found.effect:.3g} {kind_of(measure).unit} | {shares[2]} |"
        )
    print()
    print("every promise kept" if kept else "a promise was broken")


def stored(workspace: Path, name: str | None) -> list[Judgement]:
    state = workspace / ".inhouse"
    registry = Registry(state / "registry")
    return stored_judgements(state, registry.get(name) if name else registry.list()[0])


def by_measure(judgements: list[Judgement]) -> dict[tuple[str, str], list[Judgement]]:
    table: dict[tuple[str, str], list[Judgement]] = {}
    for found in judgements:
        if found.arm in (FIRST, SECOND):
            table.setdefault((found.suite, found.measure), []).append(found)
    return table


def naive_findings(judgements: list[Judgement], repetitions: int) -> int:
    """Return how often a paired t test over tasks finds a difference where arms are exchanged at random."""
    random = np.random.default_rng(0)
    return sum(naively_differs(exchanged(judgements, FIRST, SECOND, random)) for _ in range(repetitions))


def naively_differs(judgements: list[Judgement]) -> bool:
    sides: dict[str, dict[tuple[str, int], float]] = {FIRST: {}, SECOND: {}}
    for found in judgements:
        if found.bottom:
            sides[found.arm][found.task, found.sample] = found.top / found.bottom
    common = sides[FIRST].keys() & sides[SECOND].keys()
    changes = np.array([sides[FIRST][key] - sides[SECOND][key] for key in sorted(common)])
    error = changes.std(ddof=1) / math.sqrt(len(changes)) if len(changes) > 1 else 0.0
    return bool(error and abs(changes.mean()) > 1.96 * error)


def made_up(groups: int = 30) -> list[Judgement]:
    """Bits and passes of tasks in files: what an arm does well in one task of a file, it does in others."""
    random = np.random.default_rng(0)
    found = []
    for group in range(groups):
        shared = {arm: random.normal(0, 0.05) for arm in (FIRST, SECOND)}
        level = random.normal(0, 1)
        for number in range(int(random.integers(2, 6))):
            task, size = f"t{group}-{number}", int(random.integers(40, 300))
            for arm in (FIRST, SECOND):
                bits = size * (0.9 + shared[arm] + random.normal(0, 0.03))
                passed = float(level + 20 * shared[arm] + random.normal() > 0.3)
                where = (task, f"file{group}", arm, 0)
                found.append(Judgement("made up", "bits_per_byte", *where, bits, size, ""))
                found.append(Judgement("made up", "pass@1", *where, passed, 1.0, ""))
    return found


if __name__ == "__main__":
    main()
