"""Show every effective setting, where its value comes from and what it means.

example: inhouse config --explain
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from inhouse.cli.common import VerbParser, print_json, print_rows
from inhouse.errors import UserMistake

if TYPE_CHECKING:
    import argparse

__all__ = ["parser", "run"]


def parser(parser: VerbParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--explain", action="store_true", help="add the meaning of each value, and derived values"
    )
    parser.add_argument("--trust", action="store_true", help="let this settings file open the network")
    parser.add_workspace()


def run(arguments: argparse.Namespace) -> int:
    """Print the settings, or trust them."""
    from inhouse.cli.trust import trust
    from inhouse.config import explain, load_settings

    home = arguments.workspace or Path()
    file = arguments.settings or home / "inhouse.yaml"
    given = file if arguments.settings or file.exists() else None
    settings = load_settings(given)
    if arguments.trust:
        if given is None:
            raise UserMistake(
                "there is no settings file to trust", str(file), "write one with `inhouse init`"
            )
        trust(given)
    rows = [
        {"setting": key, "value": value, "from": origin, "meaning": meaning}
        for key, value, origin, meaning in explain(settings)
    ]
    if arguments.explain:
        rows += _derived(home)
    if arguments.json:
        print_json({"settings": rows})
    else:
        print_rows(rows, ["setting", "value", "from", *(["meaning"] if arguments.explain else [])])
    return 0


def _derived(home: Path) -> list[dict[str, object]]:
    """Return the recipe that the latest plan derived, with its reasons."""
    from inhouse.workspace import Workspace

    state = home / ".inhouse"
    if not (state / "workspace.json").exists():
        return []
    workspace = Workspace.open(state)
    plan = workspace.current("plan")
    workspace.close()
    if plan is None:
        return []
    reasons = plan.read_json("reasons.json")
    recipe = plan.read_json("recipe.json")
    return [
        {"setting": f"recipe.{key}", "value": value, "from": "derived", "meaning": reasons.get(key, "")}
        for key, value in recipe.items()
    ]
