"""Say what this machine can do, what is missing, and the exact command that mends it.

example: inhouse doctor
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.cli.common import VerbParser, print_json, print_rows

if TYPE_CHECKING:
    import argparse

__all__ = ["parser", "run"]


def parser(parser: VerbParser) -> None:
    """The verb has no arguments of its own."""


def run(arguments: argparse.Namespace) -> int:
    """Print the checks; exit 1 when something that `inhouse run` needs is missing."""
    from inhouse.planning.doctor import examine

    checks = [check._asdict() for check in examine()]
    broken = [check for check in checks if check["state"] == "missing"]
    if arguments.json:
        print_json({"checks": checks, "ready": not broken})
    else:
        print_rows(checks, ["what", "state", "found", "mend"])
        print(
            "ready: inhouse run ." if not broken else f"{len(broken)} missing; mend them in the order above"
        )
    return 1 if broken else 0
