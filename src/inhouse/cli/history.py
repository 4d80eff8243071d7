"""Show which commits made lines what they are, newest first, over renames; secrets stay redacted.

Lines are counted as in the index, at the commit that it was made of; without an index, at the newest commit.

example: inhouse history src/app.py:120-130
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inhouse.cli.common import VerbParser, open_context, print_json
from inhouse.errors import UserMistake

if TYPE_CHECKING:
    import argparse

    from inhouse.retrieval.history import Lines, Version
    from inhouse.retrieval.places import Address

__all__ = ["parser", "run"]

_SHOWN = 12  # lines of each side, unless in JSON


def parser(parser: VerbParser) -> None:
    """Add the arguments."""
    parser.add_argument("place", help="PATH:LINE or PATH:FIRST-LAST, the path from the repository's root")
    parser.add_argument("--commits", type=int, default=10, help="how many at most (default: 10)")
    parser.add_argument("--revision", default="", help="id of the commit at which the lines are counted")
    parser.add_workspace()


def run(arguments: argparse.Namespace) -> int:
    """Print the history."""
    from inhouse.retrieval.history import LineHistory, read_place
    from inhouse.retrieval.places import tip
    from inhouse.sources.git import Repository

    if arguments.commits < 1:
        raise UserMistake("--commits is a positive number", str(arguments.commits), "try --commits 10")
    path, first, last = read_place(arguments.place)
    with open_context(arguments, Path(), create=False) as context:
        history = LineHistory(Repository.open(context.repository), context.settings)
        revision = arguments.revision or _indexed(
            tip(context.workspace.folder, context.settings.retrieval.store)
        )
        versions = history.versions(path, first, last, arguments.commits, revision)
    if arguments.json:
        print_json({"path": path, "revision": revision, "versions": [_row(version) for version in versions]})
        return 0
    for version in versions:
        _print(version)
    return 0


def _indexed(place: Path | Address) -> str:
    """Return the commit that the index was made of, "" where there is none or it is not known."""
    from inhouse.retrieval.index import Index

    if not place.exists():
        return ""
    with Index.open(place, read_only=True) as index:
        return index.store.get("commit") or ""


def _row(version: Version) -> dict[str, Any]:
    return {
        "commit": version.commit,
        "date": version.date,
        "message": version.message,
        "before": [_side(lines) for lines in version.before],
        "after": [_side(lines) for lines in version.after],
    }


def _side(lines: Lines) -> dict[str, Any]:
    return {
        "path": lines.path,
        "start_line": lines.start_line,
        "end_line": lines.end_line,
        "text": list(lines.text),
        "hidden": lines.hidden,
    }


def _print(version: Version) -> None:
    day = datetime.fromtimestamp(version.date, UTC).strftime("%Y-%m-%d")
    print(f"{version.commit[:12]}  {day}  {version.message.partition(chr(10))[0]}")
    for mark, sides in (("-", version.before), ("+", version.after)):
        for lines in sides:
            hidden = f"  (not shown: {lines.hidden})" if lines.hidden else ""
            print(f"  {lines.path}:{lines.start_line}-{lines.end_line}{hidden}")
            for text in lines.text[:_SHOWN]:
                print(f"  {mark} {text}")
            if len(lines.text) > _SHOWN:
                print(f"  {mark} ... {len(lines.text) - _SHOWN} more lines")
    print()
