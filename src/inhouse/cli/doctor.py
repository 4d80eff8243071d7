"""Say what this machine can do, what is missing, and the exact command that mends it.

example: inhouse doctor
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.cli.common import VerbParser, print_json, print_rows

if TYPE_CHECKING:
    import argparse

    from inhouse.planning.doctor import Check

__all__ = ["parser", "run"]


def parser(parser: VerbParser) -> None:
    """The verb has no arguments of its own."""


def run(arguments: argparse.Namespace) -> int:
    """Print the checks; exit 1 when something that `inhouse run` needs is missing."""
    from inhouse.planning.doctor import examine

    checks = [check._asdict() for check in (*examine(), _sandbox())]
    broken = [check for check in checks if check["state"] == "missing"]
    if arguments.json:
        print_json({"checks": checks, "ready": not broken})
    else:
        print_rows(checks, ["what", "state", "found", "mend"])
        print(
            "ready: inhouse run ." if not broken else f"{len(broken)} missing; mend them in the order above"
        )
    return 1 if broken else 0


def _sandbox() -> Check:
    """Prove the sandbox's levels; what is tried first and does not work is worth mending even if another
    does."""
    from inhouse.planning.doctor import Check
    from inhouse.sandbox.box import examine_levels

    levels = examine_levels()
    working = [level.name for level in levels if not level.complaint]
    lacking = [f"{level.name}: {level.complaint}" for level in levels if level.complaint]
    mend = levels[0].mend if not working or working[0] != levels[0].name else ""
    found = f"this machine gets {working[0]}" if working else "none: untrusted code is refused"
    return Check(
        "sandbox for untrusted code", "ok" if working else "absent", "; ".join([found, *lacking]), mend
    )
