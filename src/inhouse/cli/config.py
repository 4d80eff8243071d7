"""Show every effective setting, where its value comes from and what it means.

example: inhouse config --explain
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inhouse.cli.common import VerbParser, print_json, print_rows
from inhouse.errors import UserMistake

if TYPE_CHECKING:
    import argparse

    from inhouse.config import Settings

__all__ = ["parser", "run"]

_DERIVED_FROM = {
    "method": "the memory of the machine: lora, or qlora where that would not fit",
    "rank": "the number of training examples",
    "alpha": "the rank",
    "targets": "the linear layers of the model",
    "dropout": "the number of training examples",
    "learning_rate": "the method",
    "schedule": "the method",
    "warmup_share": "the method",
    "weight_decay": "the method",
    "epochs": "the tokens of the training split and the budget",
    "sequence_length": "the length that the dataset was cut for",
    "rows": "the GPU, if there is one, and the memory of the machine",
    "accumulation": "the rows, and training.batch_tokens or how many steps they make",
    "max_steps": "the rows, the epochs and the rows in a step",
    "validate_every": "the number of steps",
    "patience": "whether there is a validation split",
    "precision": "whether there is a GPU",
    "checkpointing": "the memory of the machine",
    "seed": "the setting seed",
    "objective": "the kinds of examples",
    "prompt_loss_weight": "the kinds of examples",
    "forgetting_bound": "whether there is a validation split",
    "layers": "the method",
    "virtual_tokens": "the method",
    "quantization": "the method",
    "optimizer": "the method",
    "rate_ratio": "the method",
    "layer_rates": "the method",
    "neftune": "the method",
    "new_tokens": "the infill tokens that the dataset was given",
}
"""What `planning.recipe` looks at for each value of the recipe."""


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
    derived = _derived(settings)
    rows = [_row(*row, derived) for row in explain(settings)]
    if arguments.explain:
        rows += _recipe(home, settings)
    if arguments.json:
        print_json({"settings": rows, "file": str(given) if given else None})
    else:
        shown = [{**row, "value": "-" if row["value"] is None else row["value"]} for row in rows]
        print_rows(shown, ["setting", "value", "from", *(["meaning"] if arguments.explain else [])])
        print(f"set in: {given}" if given else f"nothing is set: there is no {file}")
    return 0


def _derived(settings: Settings) -> dict[str, Any]:
    """Return what is known already of what was left out."""
    name, value = settings.split.rule
    return {"workers": len(os.sched_getaffinity(0)), f"split.{name}": value}


def _row(key: str, value: Any, origin: str, meaning: str, derived: dict[str, Any]) -> dict[str, Any]:
    """Return a row of the table; what was left out to be derived says so."""
    if value is None and (key in derived or key.startswith("training.")):
        value, origin = derived.get(key), "derived"
    return {"setting": key, "value": value, "from": origin, "meaning": meaning}


def _recipe(home: Path, settings: Settings) -> list[dict[str, Any]]:
    """Return the recipe: of the latest plan with its reasons, or what each value will be derived from."""
    recipe, reasons = _planned(home)
    wished = settings.training.model_dump(mode="json") | {"seed": settings.seed}
    rows = []
    for name, source in _DERIVED_FROM.items():
        value, origin, meaning = recipe.get(name), "derived", reasons.get(name, "")
        if not recipe:
            meaning = f"derived when the plan is made, from {source}"
        if wished.get(name) is not None:
            stale = recipe and value != wished[name]
            meaning = f"from the settings; the latest plan has {value}" if stale else "from the settings"
            value, origin = wished[name], "derived" if name == "seed" else "set"
        rows.append({"setting": f"recipe.{name}", "value": value, "from": origin, "meaning": meaning})
    return rows


def _planned(home: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the recipe of the latest plan and a reason for each value; nothing before there is one."""
    from inhouse.workspace import Workspace

    state = home / ".inhouse"
    if not (state / "workspace.json").exists():
        return {}, {}
    workspace = Workspace.open(state)
    plan = workspace.current("plan")
    workspace.close()
    return (plan.read_json("recipe.json"), plan.read_json("reasons.json")) if plan else ({}, {})
