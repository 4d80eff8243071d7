"""Compare two registered adapters, or two arms, on the same stored tasks; nothing is measured again.

Each is ADAPTER or ADAPTER:ARM (base, prompted, retrieval, tuned, tuned_retrieval); without an arm, the one
that is to be released.

example: inhouse compare click-1a2b3c4d click-5e6f7a8b
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inhouse.cli.common import VerbParser, open_context, print_json, print_rows

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from inhouse.cli.common import Context
    from inhouse.evaluation.tasks import Judgement

__all__ = ["parser", "run"]


def parser(parser: VerbParser) -> None:
    """Add the arguments."""
    parser.add_argument("first", metavar="A", help="ADAPTER or ADAPTER:ARM")
    parser.add_argument("second", metavar="B", help="ADAPTER or ADAPTER:ARM")
    parser.add_workspace()


def run(arguments: argparse.Namespace) -> int:
    """Print the differences, suite by suite."""
    from inhouse.errors import UserMistake
    from inhouse.evaluation.results import compare_arms

    with open_context(arguments, Path(), create=False) as context:
        first, second = (_side(context, word) for word in (arguments.first, arguments.second))
        if first == second:
            raise UserMistake(
                "two different arms or adapters can be compared", ":".join(first), "see `inhouse adapters`"
            )
        judgements = _judgements(context, first, second)
        found = compare_arms(judgements, ":".join(first), ":".join(second), context.settings.seed)
    if arguments.json:
        print_json({"first": ":".join(first), "second": ":".join(second), "suites": found})
        return 0
    _print(found, ":".join(first), ":".join(second))
    return 0


def _side(context: Context, word: str) -> tuple[str, str]:
    """Return adapter and arm. Raises UserMistake for an arm that there is not."""
    from inhouse.errors import UserMistake

    name, _, arm = word.partition(":")
    arm = arm or context.settings.gates.arm
    arms = ("base", "prompted", "retrieval", "tuned", "tuned_retrieval")
    if arm not in arms:
        raise UserMistake(f"the arms are {', '.join(arms)}", word, "choose one of them")
    return name, arm


def _judgements(context: Context, *sides: tuple[str, str]) -> list[Judgement]:
    """Return what was judged of the arms of adapters, each under the name that the comparison gives it.

    Of general code all that was scored, where that is so of all sides. Raises UserMistake for an arm that was
    never measured.
    """
    from inhouse.errors import UserMistake
    from inhouse.registry.adapters import Registry
    from inhouse.registry.stored import has_general_code, stored_judgements

    state = context.workspace.folder
    adapters = [Registry(state / "registry").get(name) for name, _ in sides]
    general = all(has_general_code(state, adapter) for adapter in adapters)
    judgements: list[Judgement] = []
    for (name, arm), adapter in zip(sides, adapters, strict=True):
        stored = stored_judgements(state, adapter, general=general)
        found = [replace(judgement, arm=f"{name}:{arm}") for judgement in stored if judgement.arm == arm]
        if not found:
            raise UserMistake(
                "this arm was never measured", f"{name}:{arm}", f"run `inhouse eval --arm {arm}`"
            )
        judgements += found
    return judgements


def _print(found: Mapping[str, Mapping[str, Any]], first: str, second: str) -> None:
    from inhouse.evaluation.wording import numbers

    print(f"{first} minus {second}, on the same stored tasks (95% intervals, resampled by file or commit):")
    rows, refused = [], []
    for suite, measures in found.items():
        for measure, entry in measures.items():
            row = {"suite": suite, "measure": measure}
            difference = entry["differences"].get(f"{first} - {second}")
            if difference is None:
                refused.append(row | {"not compared because": entry["reason"]})
                continue
            better = difference["better"] or "no difference shows"
            rows.append(row | {"difference": numbers(difference, entry["unit"]), "better": better})
    print_rows(rows, ["suite", "measure", "difference", "better"])
    if refused:
        print()
        print_rows(refused, ["suite", "measure", "not compared because"])
