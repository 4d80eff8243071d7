"""Which tests of C or JavaScript execute which function, as far as that can be known.

C is built once more with counters and each unit is run alone; node counts while it runs. Where that does not
work, nothing is known and a function's check is the whole command.
"""

from __future__ import annotations

import json
import shlex
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from inhouse.datasets.items import evenly

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inhouse.evaluation.mining.places import Place
    from inhouse.evaluation.mining.plans import Plan
    from inhouse.evaluation.mining.verify import Checker

__all__ = ["COUNTED", "WHOLE", "Reach", "chosen_units", "find_reach"]

WHOLE = ""
"""Name of the unit that stands for a suite which cannot be divided."""

COUNTED = ("c", "javascript")
"""Languages of which it can be known."""

_MOST_UNITS = {"c": 4, "javascript": 8}  # of one check
_EVENLY = 1  # of them, not the narrowest
_SECONDS = 60.0  # of one unit, with counters


@dataclass(frozen=True, slots=True)
class Reach:
    """Functions that each unit executes: path to keys (see `inside/inhouse_reach.py`). Empty: not known."""

    units: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    problem: str = ""

    @property
    def known(self) -> bool:
        """Whether anything was counted at all."""
        return any(self.units.values())

    def executing(self, place: Place) -> list[str]:
        """Return the units that execute a function, those that execute the least besides first."""
        key = _key(place)
        found = [unit for unit, files in self.units.items() if key in files.get(place.path, ())]
        return sorted(found, key=lambda unit: (sum(map(len, self.units[unit].values())), unit))


def chosen_units(executing: Sequence[str], language: str) -> list[str]:
    """Return a few of the units, in the order that `executing` gave: mostly the narrowest."""
    most = _MOST_UNITS[language]
    if len(executing) <= most:
        return list(executing)
    return [*executing[: most - _EVENLY], *evenly(executing[most - _EVENLY :], _EVENLY)]


def find_reach(checker: Checker, revision: str, plan: Plan, units: Sequence[str], language: str) -> Reach:
    """Run each unit alone, with counters, on the tree of a revision."""
    gcov = shutil.which("gcov", path=checker.search)
    if language == "c" and gcov is None:
        return Reach(problem="gcov is missing: which tests execute a function is not known")
    scripts = {unit: _script(plan, unit, checker.settings.timeout) for unit in units or (WHOLE,)}
    given = {"language": language, "build": plan.build, "units": scripts, "gcov": gcov}
    data, outcome = checker.reach(revision, json.dumps(given).encode())
    try:
        found = Reach(json.loads(data)["units"])
    except (ValueError, KeyError, TypeError):
        why = f"hit its limit of {', '.join(outcome.hit)}" if outcome.hit else "gave nothing"
        return Reach(problem=f"the run that counts executed functions {why}")
    return found if found.known else Reach(problem="the compilers that count were not used")


def _script(plan: Plan, unit: str, timeout: float) -> str:
    seconds = min(_SECONDS, timeout) if unit else timeout
    return f"timeout {seconds:g} {shlex.join(plan.only([unit] if unit else ()))}"


def _key(place: Place) -> str:
    if place.language == "c":
        return place.name.rpartition(".")[2]
    return str(len((place.prefix + place.reference).encode("utf-16-le")) // 2)
