"""Write docs/reference.md from the code: every verb, every setting, the budgets and the exit codes.

    python docs/make_reference.py

`tests/test_reference.py` fails while the page and the code differ.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inhouse.cli import main
from inhouse.cli.common import VerbParser
from inhouse.config import BUDGETS, Settings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

__all__ = ["PAGE", "reference"]

PAGE = Path(__file__).with_name("reference.md")

_INTRODUCTION = """\
# Reference

Made from the code by `python docs/make_reference.py`; do not edit it by hand.

[Verbs](#verbs) · [Settings](#settings) · [Budgets](#budgets) · [Exit codes](#exit-codes)
"""
_EVERY_VERB = """\
Every verb also takes `--help`, `--json` (print one JSON object on standard output) and `--quiet` (no
progress on standard error). "JSON" below names the keys of that object; after an error they are `error` and
`exit_code`.
"""
_OF_SETTINGS = """\
`inhouse.yaml` lies in the folder that holds `.inhouse/`, or where `--settings` says. Everything in it is
optional, an unknown key is refused, and what is left out is derived or has the default given here. A key
with a dot stands in a section: `sources.exclude` is `exclude:` under `sources:`. `inhouse config --explain`
prints the values that apply.
"""
_OF_BUDGETS = """\
Tokens of the base model that a run may train on, score and generate: `--budget`, or `budget` in the settings.
"""
_RESULTS = {
    "run": [("inhouse.pipeline", "run")],
    "eval": [("inhouse.evaluation.summary", "summary"), ("inhouse.evaluation.compare", "_origin")],
    "status": [("inhouse.cli.status", "_status")],
    "train": [("inhouse.cli.train", "run")],
    "sandbox": [("inhouse.cli.sandbox", "_row")],
}
"""Where the JSON result is made, for the verbs that do not write it down where they print it."""

_EVERYWHERE = ("help", "json", "quiet")
_NAMES = {"integer": "whole number", "number": "number", "string": "text", "boolean": "yes or no"}
_BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "exclusiveMaximum": "below",
}


def reference() -> str:
    """Return the page."""
    parts = [_INTRODUCTION, "## Verbs\n", _EVERY_VERB]
    parts += [_verb(name) for name in main.VERBS]
    parts += ["## Settings\n", _OF_SETTINGS, *_settings()]
    rows = [
        (f"`{name}`", *(f"{tokens:,}" for tokens in asdict(budget).values()))
        for name, budget in BUDGETS.items()
    ]
    parts += ["## Budgets\n", _OF_BUDGETS, _table(["budget", *asdict(BUDGETS["smoke"])], rows)]
    codes = re.findall(r"(\d+) ([^,.]+)", (main.__doc__ or "").partition("Exit codes:")[2])
    parts += ["## Exit codes\n", _table(["code", "meaning"], codes)]
    return "\n".join(parts)


# ------------------------------------------------------------ verbs


def _verb(name: str) -> str:
    module = import_module(f"inhouse.cli.{name}")
    meaning, _, example = (module.__doc__ or "").strip().partition("\n\nexample: ")
    lines = [f"### inhouse {name}\n", f"{meaning}\n", "```", example, "```\n"]
    parser = VerbParser(prog=f"inhouse {name}", add_help=False)
    module.parser(parser)
    lines += _arguments(parser)
    results = [", ".join(f"`{key}`" for key in keys) for keys in _json_keys(name) if keys]
    lines += [f"JSON: {'; or '.join(results)}\n"] if results else []
    return "\n".join(lines)


def _arguments(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield a table of arguments, then a heading and a table for each action that the verb has."""
    actions = [each for each in parser._actions if isinstance(each.choices, dict)]
    plain = [each for each in parser._actions if each not in actions and each.dest not in _EVERYWHERE]
    if plain:
        rows = [(f"`{_label(action)}`", (action.help or "") % vars(action)) for action in plain]
        yield _table(["argument", "meaning"], rows)
    for name, inner in ((name, inner) for action in actions for name, inner in action.choices.items()):
        yield f"#### {parser.prog} {name}\n"
        yield f"{inner.description or ''}\n"
        yield from _arguments(inner)


def _label(action: argparse.Action) -> str:
    value = "|".join(action.choices) if action.choices else str(action.metavar or action.dest).upper()
    if action.option_strings:
        return ", ".join(action.option_strings) + ("" if action.nargs == 0 else f" {value}")
    return f"[{value}]" if action.nargs == "?" else value


def _json_keys(verb: str) -> list[list[str]]:
    """Return the first-level keys of each object that a verb may print with --json, read from its source."""
    elsewhere = [key for place in _RESULTS.get(verb, []) for key in _keys(_result(*place))]
    tree = ast.parse(inspect.getsource(import_module(f"inhouse.cli.{verb}")))
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    printed = [call.args[0] for call in calls if getattr(call.func, "id", "") == "print_json"]
    here = [_keys(given) for given in printed if isinstance(given, ast.Dict)]
    return [elsewhere + keys for keys in here] or [elsewhere]


def _result(place: str, function: str) -> ast.Dict:
    """Return the first dictionary that a function returns or gives a name to."""
    tree = ast.parse(inspect.getsource(import_module(place)))
    found = next(
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == function
    )
    ends = (node for node in ast.walk(found) if isinstance(node, ast.Return | ast.Assign))
    return next(end.value for end in ends if isinstance(end.value, ast.Dict))


def _keys(dictionary: ast.Dict) -> list[str]:
    """Return the keys of a dictionary as written, those of dictionaries unpacked into it included."""
    keys: list[str] = []
    for key, value in zip(dictionary.keys, dictionary.values, strict=True):
        if isinstance(key, ast.Constant):
            keys.append(str(key.value))
        elif key is None:
            keys += [name for node in ast.walk(value) if isinstance(node, ast.Dict) for name in _keys(node)]
    return keys


# ------------------------------------------------------------ settings


def _settings() -> Iterator[str]:
    """Yield a heading and a table for the top level, then for each section."""
    schema = Settings.model_json_schema()
    yield from _section("", schema["properties"], schema["$defs"])


def _section(prefix: str, fields: dict[str, Any], known: dict[str, Any]) -> Iterator[str]:
    """Yield the table of a section, then its own sections."""
    yield _settings_table(prefix, {name: field for name, field in fields.items() if "$ref" not in field})
    for name, field in fields.items():
        if "$ref" in field:
            section = known[field["$ref"].rpartition("/")[2]]
            yield f"### {prefix}{name}\n"
            yield f"{section['description']}\n"
            yield from _section(f"{prefix}{name}.", section["properties"], known)


def _settings_table(prefix: str, fields: dict[str, Any]) -> str:
    rows = [
        (f"`{prefix}{name}`", _type(field), _default(field["default"]), field.get("description", ""))
        for name, field in fields.items()
    ]
    return _table(["setting", "type", "default", "meaning"], rows)


def _type(field: dict[str, Any]) -> str:
    """Say in words what a JSON schema allows."""
    if "$ref" in field:
        return "section"
    if "anyOf" in field:
        return " or ".join(_type(one) for one in field["anyOf"] if one["type"] != "null")
    if "enum" in field:
        return ", ".join(f"`{one}`" for one in field["enum"])
    if field["type"] == "array":
        return f"list of: {_type(field['items'])}"
    if field["type"] == "object":
        return f"mapping from names to: {_type(field['additionalProperties'])}"
    name = field["format"] if field.get("format") in ("date", "path") else _NAMES[field["type"]]
    bounds = [f"{words} {field[key]:,}" for key, words in _BOUNDS.items() if key in field]
    return ", ".join([name, *bounds])


def _default(value: Any) -> str:
    return "left out" if value is None else f"`{json.dumps(value)}`"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head)]
    lines += [["---"] * len(lines[0]), *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
