"""The builders: each module of this folder that defines `BUILDER` is one. Another one is another file."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inhouse.datasets.builders.contract import Builder

__all__ = ["all_builders", "find_builder", "shares"]


@cache
def all_builders() -> dict[str, type[Builder]]:
    """Return the builders by the kind of example that they make, in the order of the kinds."""
    modules = (
        importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)
    )
    found = [module.BUILDER for module in modules if hasattr(module, "BUILDER")]
    return {builder.kind: builder for builder in sorted(found, key=lambda builder: builder.kind)}


def find_builder(kind: str) -> type[Builder]:
    """Return the builder of a kind. Raises UserMistake that lists the kinds there are."""
    try:
        return all_builders()[kind]
    except KeyError:
        known = ", ".join(all_builders())
        raise UserMistake(
            f"there is no such kind of example; there are {known}", kind, "mend dataset.kinds in inhouse.yaml"
        ) from None


def shares(weights: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Return the share of the budget of each kind whose weight is not 0; together they are 1."""
    wanted = {kind: weight for kind, weight in weights if weight > 0}
    if not wanted:
        raise UserMistake(
            "training needs a kind of example with a weight", "", "mend dataset.kinds in inhouse.yaml"
        )
    total = sum(wanted.values())
    return {find_builder(kind).kind: weight / total for kind, weight in wanted.items()}
