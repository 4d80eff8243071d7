"""Say what fits this hardware, which recipe a repository would get and why, and what it would cost.

With --memory: memory by use, for any model, method and GPU of the table, and the nearest settings that fit;
no weights, no GPU and no network are needed. A model is a config.json, a folder, a GGUF file, or the name of
a public shape. With --serving: weights, keys and values for a context and a number of requests.

example: inhouse advise
example: inhouse advise --memory --model qwen2.5-coder-7b --method qlora --gpu rtx-4090 --length 2048
example: inhouse advise --memory --serving --model qwen2.5-coder-7b --precision nf4 --requests 8
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from inhouse.cli.common import VerbParser, open_pipeline, print_json, print_rows

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from inhouse.planning.accelerators import Accelerator
    from inhouse.records import Recipe

__all__ = ["parser", "run"]

_EMBEDDED = "builtin:smollm2-135m"
_GIGABYTE = 1e9
_CPU_RATE = 1e11


def parser(parser: VerbParser) -> None:
    """Add the arguments."""
    parser.add_repository()
    parser.add_argument("--memory", action="store_true", help="estimate memory; no repository is needed")
    parser.add_argument("--gpu", help="a GPU of the table, such as rtx-4090, a100-80gb or cpu (default: all)")
    parser.add_argument(
        "--length", type=int, default=2048, help="tokens in a row, or of context (%(default)s)"
    )
    parser.add_argument("--rows", type=int, default=1, help="rows in one forward pass (%(default)s)")
    parser.add_argument("--rank", type=int, default=32, help="rank of low-rank methods (%(default)s)")
    parser.add_argument("--targets", nargs="+", help="layers that are trained (default: all linear ones)")
    parser.add_argument("--recompute", action="store_true", help="recompute activations (checkpointing)")
    parser.add_argument(
        "--optimizer",
        choices=("adamw", "adamw_8bit", "paged_adamw_8bit"),
        help="of the training (default: the method's)",
    )
    parser.add_argument("--serving", action="store_true", help="with --memory: of serving")
    parser.add_argument("--precision", default="bfloat16", help="of served weights (%(default)s)")
    parser.add_argument("--requests", type=int, default=1, help="served at once (%(default)s)")
    parser.add_argument("--adapters", type=int, default=0, help="held in memory while serving (%(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Print the estimate or the advice."""
    if not arguments.memory:
        return _advise(arguments)
    _check_sizes(arguments)
    return _serving(arguments) if arguments.serving else _training(arguments)


# ------------------------------------------------------------------ memory


def _training(arguments: argparse.Namespace) -> int:
    from inhouse.planning.shapes import find_config

    name, config = find_config(arguments.model or _EMBEDDED)
    recipes = _recipes(arguments, config)
    gpus = _gpus(arguments)
    rows = [_row(config, recipe, gpus) for recipe in recipes]
    if arguments.json:
        print_json({"model": name, "settings": _settings(arguments), "methods": rows})
        return 0
    where = "CPU, float32" if _on_cpu(arguments) else "GPU, bfloat16"
    print(f"{name}: training with {arguments.rows} x {arguments.length} tokens at once, {where}, in GB\n")
    columns = ["method", *(part for part in rows[0]["bytes"] if part != "total_bytes"), "total"]
    print_rows([_shown(row, gpus) for row in rows], [*columns, "fits"] if gpus else columns)
    _print_remedies(rows, gpus)
    return 0


def _shown(row: dict[str, Any], gpus: Sequence[Accelerator]) -> dict[str, str]:
    """Return a row of the table: gigabytes, and whether it fits the one GPU or from which of them on."""
    sizes = {name: f"{size / _GIGABYTE:.2f}" for name, size in row["bytes"].items()}
    holding = [gpu for gpu in gpus if row["fits"][gpu.name]]
    smallest = min(holding, key=lambda gpu: gpu.memory).name if holding else ""
    fits = ("yes" if holding else "no") if len(gpus) == 1 else f"from {smallest}" if holding else "none"
    return {"method": row["method"], **sizes, "total": sizes["total_bytes"], "fits": fits}


def _recipes(arguments: argparse.Namespace, config: dict[str, Any]) -> list[Recipe]:
    from inhouse.planning.advice import NeededHardware, plain_recipe, usable_methods

    kind = NeededHardware.CPU if _on_cpu(arguments) else NeededHardware.GPU
    method = getattr(arguments, "training.method")
    names = [method] if method is not None else usable_methods(config)
    changes = {
        "rank": arguments.rank,
        "targets": tuple(arguments.targets) if arguments.targets else None,
        "rows": arguments.rows,
        "sequence_length": arguments.length,
        "optimizer": arguments.optimizer,
    }
    given = {key: value for key, value in changes.items() if value is not None}
    recipes = [plain_recipe(name, config, kind, given) for name in names]
    return [_recomputed(recipe) if arguments.recompute else recipe for recipe in recipes]


def _recomputed(recipe: Recipe) -> Recipe:
    from inhouse.training.method import find_method

    return replace(recipe, checkpointing=find_method(recipe.method).recomputes)


def _row(config: dict[str, Any], recipe: Recipe, gpus: Sequence[Accelerator]) -> dict[str, Any]:
    from inhouse.planning.fit import remedies
    from inhouse.planning.memory import estimate

    cost = estimate(config, recipe, trained=0, validated=0, rate=_CPU_RATE)
    parts = {name: size for name, size in cost.as_json().items() if name != "seconds"}
    fits = {gpu.name: cost.total <= gpu.usable for gpu in gpus}
    nearest = {
        gpu.name: [
            {"change": one.changes, "bytes": one.total} for one in remedies(config, recipe, gpu.usable)
        ]
        for gpu in gpus
        if not fits[gpu.name]
    }
    return {
        "method": recipe.method,
        "bytes": parts,
        "fits": fits,
        "would_fit": nearest,
        "recipe": asdict(recipe),
    }


def _print_remedies(rows: list[dict[str, Any]], gpus: Sequence[Accelerator]) -> None:
    """Say what would fit, where one GPU was asked for: a table of all says enough by itself."""
    if len(gpus) != 1:
        return
    for row in rows:
        for name, found in row["would_fit"].items():
            said = "; ".join(f"{one['change']} ({one['bytes'] / _GIGABYTE:.1f} GB)" for one in found)
            print(f"{row['method']} does not fit {name}; would fit: {said or 'nothing near'}")


def _serving(arguments: argparse.Namespace) -> int:
    from inhouse.planning.serving_memory import estimate_serving
    from inhouse.planning.shapes import find_config

    name, config = find_config(arguments.model or _EMBEDDED)
    cost = estimate_serving(
        config,
        arguments.precision,
        context=arguments.length,
        requests=arguments.requests,
        adapters=arguments.adapters,
        rank=arguments.rank,
    )
    fits = {gpu.name: cost.total <= gpu.usable for gpu in _gpus(arguments)}
    if arguments.json:
        print_json({"model": name, "settings": _settings(arguments), "bytes": cost.as_json(), "fits": fits})
        return 0
    print(f"{name}: serving {arguments.requests} x {arguments.length} tokens, {arguments.precision}, in GB\n")
    print_rows([{k: f"{v / _GIGABYTE:.2f}" for k, v in cost.as_json().items()}], list(cost.as_json()))
    if fits:
        print(f"\nfits: {', '.join(name for name, fit in fits.items() if fit) or 'none of the table'}")
    return 0


def _gpus(arguments: argparse.Namespace) -> list[Accelerator]:
    from inhouse.planning.accelerators import ACCELERATORS, find_accelerator

    if _on_cpu(arguments):
        return []
    return [find_accelerator(arguments.gpu)] if arguments.gpu else list(ACCELERATORS.values())


def _on_cpu(arguments: argparse.Namespace) -> bool:
    return bool(arguments.gpu == "cpu")


def _settings(arguments: argparse.Namespace) -> dict[str, Any]:
    names = ("length", "rows", "rank", "recompute", "precision", "requests", "adapters", "gpu")
    return {name: getattr(arguments, name) for name in names}


def _check_sizes(arguments: argparse.Namespace) -> None:
    from inhouse.errors import UserMistake

    for name in ("length", "rows", "rank", "requests"):
        if getattr(arguments, name) < 1:
            raise UserMistake(
                f"--{name} is at least 1", str(getattr(arguments, name)), "give a positive number"
            )


# ------------------------------------------------------------------ a repository


def _advise(arguments: argparse.Namespace) -> int:
    from inhouse.planning.advice import machine_page
    from inhouse.workspace import MEASURED

    with open_pipeline(arguments) as pipeline:
        plan = pipeline.plan
        config = pipeline.model.folder / "config.json"
        result = {
            "recipe": plan.read_json("recipe.json"),
            "reasons": plan.read_json("reasons.json"),
            "estimate": plan.read_json(MEASURED),
        }
    page = machine_page(config, result)
    if arguments.json:
        print_json(result | {"methods_that_fit": page.fitting})
        return 0
    print("\n".join(page.lines))
    rows = [
        {"recipe": k, "value": v, "why": result["reasons"].get(k, "")} for k, v in result["recipe"].items()
    ]
    print_rows(rows, ["recipe", "value", "why"])
    print("next: inhouse train")
    return 0
