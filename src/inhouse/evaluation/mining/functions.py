"""Functions whose tests exist: the body is masked, and what is written in its place must pass them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from inhouse.evaluation.mining.proofs import prove
from inhouse.evaluation.mining.results import rejected, verified
from inhouse.evaluation.tasks import Check

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.evaluation.mining.places import Place
    from inhouse.evaluation.mining.results import Found
    from inhouse.evaluation.mining.workbench import Workbench

__all__ = ["KIND", "Suite", "mine_functions", "place_key"]

KIND = "function"


class Suite(Protocol):
    """The tests of one language."""

    def check_for(self, place: Place) -> Check | str:
        """Return the check of a function, not yet proved, or the reason why there is none."""


def place_key(place: Place) -> str:
    """Return the name of a place for people."""
    return f"{place.path}::{place.name}"


def mine_functions(bench: Workbench, suite: Suite, places: Sequence[Place], language: str) -> Iterator[Found]:
    """Yield a task, or the reason why there is none, for functions of one language."""
    checks: list[tuple[Place, Check]] = []
    for place in places:
        check = suite.check_for(place)
        if isinstance(check, Check):
            checks.append((place, check))
        else:
            yield rejected(KIND, place_key(place), check)

    def work(batch: Sequence[tuple[Place, Check]]) -> list[Found]:
        proofs = prove(bench.checker, batch, bench.workers)
        return [
            rejected(KIND, place_key(place), proof.reason)
            if proof.reason
            else verified(place_key(place), bench.task_at(KIND, place, proof.check, proof.words, ask(place)))
            for (place, _), proof in zip(batch, proofs, strict=True)
        ]

    yield from bench.go_through(
        f"{language} functions", checks, lambda pair: place_key(pair[0]), lambda pair: pair[0], work
    )


def ask(place: Place) -> str:
    """Return the instruction in words."""
    return (
        f"Write the body of the function `{place.name}` in `{place.path}`. It begins:\n\n"
        f"```{place.language}\n{place.head.rstrip()}\n```"
    )
