"""Run a command in the sandbox: no network, a private folder, hard limits, nothing of this machine to read.

`inhouse sandbox run [options] -- COMMAND` starts COMMAND in /work, which holds a copy of --files, and prints
its output. Exit codes: 0 it ended with status 0 and hit no limit, 1 it did not, 2 a mistake in what was
given.

example: inhouse sandbox run --time 5 -- python -c 'print(6 * 7)'
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inhouse.cli.common import VerbParser, print_json
from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from inhouse.sandbox import Limits, Outcome

__all__ = ["parser", "run"]


def parser(parser: VerbParser) -> None:
    """Add the arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="run", parser_class=VerbParser)
    run_parser = actions.add_parser(
        "run", help="run one command", description="Run one command in the sandbox."
    )
    run_parser.add_argument("command", nargs="*", help="the command and its arguments, after `--`")
    run_parser.add_argument("--files", type=Path, metavar="DIR", help="folder that is copied to /work")
    run_parser.add_argument(
        "--readable", type=Path, action="append", default=[], metavar="PATH", help="more to see, read-only"
    )
    run_parser.add_argument(
        "--time", type=float, metavar="S", help="seconds, wall and processor (default: 10)"
    )
    run_parser.add_argument("--memory", type=int, metavar="MB", help="MiB of memory (default: 512)")
    run_parser.add_argument("--processes", type=int, metavar="N", help="processes and threads (default: 64)")
    run_parser.add_argument("--disk", type=int, metavar="MB", help="MiB written in all (default: 256)")
    run_parser.add_argument(
        "--unsafe-local", action="store_true", help="run without isolation, at your own risk"
    )
    for name, help_ in (
        ("--json", "print one JSON object on standard output"),
        ("--quiet", "no closing line"),
    ):
        run_parser.add_argument(name, action="store_true", default=argparse.SUPPRESS, help=help_)


def run(arguments: argparse.Namespace) -> int:
    """Run the command, print its output and how it ended."""
    from inhouse.sandbox import Sandbox

    if not arguments.command:
        raise UserMistake(
            "the sandbox needs a command",
            "none given",
            "put it behind `--`, as in `inhouse sandbox run -- ls`",
        )
    limits = _limits(arguments)
    outcome = Sandbox.open(arguments.unsafe_local).run(
        arguments.command, files=arguments.files, readable=arguments.readable, limits=limits
    )
    if arguments.json:
        print_json(_row(outcome))
    else:
        _show(outcome, quiet=arguments.quiet)
    return 0 if outcome.ok else 1


def _limits(arguments: argparse.Namespace) -> Limits:
    from inhouse.sandbox import Limits

    given = {
        "wall_s": arguments.time,
        "cpu_s": arguments.time,
        "memory_mb": arguments.memory,
        "processes": arguments.processes,
        "disk_mb": arguments.disk,
    }
    return dataclasses.replace(
        Limits(), **{name: value for name, value in given.items() if value is not None}
    )


def _row(outcome: Outcome) -> dict[str, Any]:
    return {
        "status": outcome.status,
        "stdout": outcome.stdout,
        "stderr": outcome.stderr,
        "hit": list(outcome.hit),
        "isolation": outcome.isolation,
        "seconds": round(outcome.seconds, 3),
        "cpu_seconds": round(outcome.cpu_seconds, 3),
    }


def _show(outcome: Outcome, *, quiet: bool) -> None:
    from inhouse.sandbox import for_terminal

    sys.stdout.write(for_terminal(outcome.stdout))
    sys.stdout.flush()
    sys.stderr.write(for_terminal(outcome.stderr))
    if not quiet:
        ended = "killed" if outcome.status is None else f"status {outcome.status}"
        hit = f", hit its limit of {', '.join(outcome.hit)}" if outcome.hit else ""
        print(f"[{ended}{hit}, {outcome.seconds:.2f} s, isolation {outcome.isolation}]", file=sys.stderr)
