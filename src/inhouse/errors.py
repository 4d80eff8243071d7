"""Every error that inhouse raises on purpose.

    InhouseError
    ├── UserMistake              printed as one sentence, exit code 2
    │   └── SettingsMistake      all the problems of a settings file at once
    └── CheckFailed              a gate or a check said no, exit code 1

Anything else that escapes is a bug: it keeps its traceback and exits with code 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CheckFailed", "InhouseError", "SettingsMistake", "UserMistake"]


class InhouseError(Exception):
    """The root of the tree above."""


class UserMistake(InhouseError):
    """Something the user can mend.

    The message is one sentence of three parts: the rule, what was given, and what to do next.
    """

    def __init__(self, rule: str, given: str = "", next_step: str = "") -> None:
        self.rule = rule
        self.given = given
        self.next_step = next_step
        super().__init__(rule, given, next_step)

    def __str__(self) -> str:
        given = f": {self.given}" if self.given else ""
        step = f"; {self.next_step}" if self.next_step else ""
        return f"{self.rule}{given}{step}."


class SettingsMistake(UserMistake):
    """One or more wrong settings; `problems` holds a sentence for each."""

    def __init__(self, where: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"{where} has {len(self.problems)} problem(s)", " | ".join(self.problems))


class CheckFailed(InhouseError):
    """A gate or a check was not met: the run is complete, its answer is no."""
