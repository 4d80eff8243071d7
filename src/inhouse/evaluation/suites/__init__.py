"""The suites: each module of this folder that defines `SUITE` is one. Another one is another file."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

from inhouse.errors import UserMistake
from inhouse.evaluation.suites.user_tasks import PREFIX, user_suite

if TYPE_CHECKING:
    from inhouse.evaluation.tasks import Suite

__all__ = ["all_suites", "find_suite"]


@cache
def all_suites() -> dict[str, Suite]:
    """Return the suites by name, in the order of their names."""
    modules = (
        importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)
    )
    found = [module.SUITE for module in modules if hasattr(module, "SUITE")]
    return {suite.name: suite for suite in sorted(found, key=lambda suite: suite.name)}


def find_suite(name: str) -> Suite:
    """Return a suite by its name. Raises UserMistake that lists the names there are."""
    if name.startswith(PREFIX):
        return user_suite(name)
    try:
        return all_suites()[name]
    except KeyError:
        raise UserMistake(
            f"there is no such suite; there are {', '.join(all_suites())} and {PREFIX}PATH",
            name,
            "choose one of them",
        ) from None
