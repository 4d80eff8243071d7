"""Mine tasks from the repository itself, each verified in the sandbox; list them, or show one.

example: inhouse tasks mine . --budget smoke
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inhouse.cli.common import VerbParser, open_context, open_pipeline, print_json, print_rows
from inhouse.errors import UserMistake

if TYPE_CHECKING:
    import argparse

    from inhouse.evaluation.tasks import Task
    from inhouse.workspace import Artefact

__all__ = ["parser", "run"]

_SHOWN_REASONS = 8


def parser(parser: VerbParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "action", choices=("mine", "list", "show"), help="mine tasks, list those mined, or show the one named"
    )
    parser.add_repository()
    parser.add_argument(
        "--unsafe-local", action="store_true", help="run tests without isolation; said in every task"
    )


def run(arguments: argparse.Namespace) -> int:
    """Mine, list or show."""
    return {"mine": _mine, "list": _list, "show": _show}[arguments.action](arguments)


def _mine(arguments: argparse.Namespace) -> int:
    with open_pipeline(arguments) as pipeline:
        pipeline.unsafe_local = arguments.unsafe_local
        mined = pipeline.mined
    counts = mined.read_json("counts.json")
    if arguments.json:
        print_json({"digest": mined.digest, "path": str(mined.path), "counts": counts})
        return 0
    print_rows(counts["kinds"], ["kind", "language", "candidates", "verified"])
    for kind, reasons in counts["rejected"].items():
        for reason, number in list(reasons.items())[:_SHOWN_REASONS]:
            print(f"  no {kind} task: {reason} ({number})")
    for note in counts["notes"]:
        print(f"note: {note}")
    print(f"{counts['tasks']} tasks in {mined.path / 'tasks.parquet'}\nnext: inhouse tasks list")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    tasks = _tasks(_present(arguments))
    rows = [
        {
            "id": task.id,
            "kind": task.kind,
            "language": task.language,
            "path": task.path,
            "lines": task.reference.count("\n") + 1,
            "tests": task.check.expected,
            "seconds": task.check.seconds,
        }
        for task in tasks
    ]
    if arguments.json:
        print_json({"tasks": rows, "by_kind": dict(Counter(task.kind for task in tasks))})
    else:
        print_rows(rows, ["id", "kind", "language", "path", "lines", "tests", "seconds"])
    return 0


def _show(arguments: argparse.Namespace) -> int:
    name = str(arguments.path or "")
    arguments.path = None
    tasks = _tasks(_present(arguments))
    found = [task for task in tasks if name and task.id.startswith(name)]
    if len(found) != 1:
        raise UserMistake("a task is shown by its id", name or "none was given", "see `inhouse tasks list`")
    if arguments.json:
        print_json({"task": asdict(found[0])})
    else:
        _print(found[0])
    return 0


def _print(task: Task) -> None:
    # what stands in a repository may hold what a terminal obeys
    from inhouse.sandbox import for_terminal

    parts: dict[str, Any] = {
        "kind": f"{task.kind}, {task.language}, {task.path}",
        "verified": task.verified,
        "instruction": task.instruction,
        "reference": task.reference,
        "checked with": f"{task.check.runner} at {task.check.revision[:12]}, {task.check.seconds} s",
        "tests": "\n".join(task.check.tests) or task.check.source,
    }
    if task.check.runner == "command" and task.check.source:
        parts["built with"] = task.check.source
    for title, text in parts.items():
        print(f"-- {title}\n{for_terminal(str(text)).rstrip()}")


def _present(arguments: argparse.Namespace) -> Artefact:
    with open_context(arguments, arguments.path or Path(), create=False) as context:
        return context.workspace.need("tasks", "run `inhouse tasks mine`")


def _tasks(mined: Artefact) -> list[Task]:
    from inhouse.evaluation.tasks import Task
    from inhouse.shards import read_records

    return list(read_records(mined.path, "tasks", Task))
