"""What a training method is: a declaration that the trainer follows without knowing its name.

One file in `inhouse.training.methods` holds one declaration as METHOD; nothing else has to be changed for a
new one. Heavy libraries are imported where a model is prepared, so that `--help` can list the methods.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from transformers import PreTrainedModel

    from inhouse.records import Recipe
    from inhouse.training.tuned import Tuned

__all__ = ["UNUSED", "Choice", "Method", "find_method", "known_methods", "no_choices"]

UNUSED: dict[str, Any] = {
    "rank": 0,
    "alpha": 0,
    "targets": (),
    "dropout": 0.0,
    "layers": 0,
    "virtual_tokens": 0,
    "rate_ratio": 1.0,
    "quantization": "",
}
"""Recipe values that only some methods use, and what they are where a method does not."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of the recipe that a method prefers, and why."""

    value: Any
    why: str


Choices = dict[str, Choice]


def no_choices(_config: Mapping[str, Any], _recipe: Recipe) -> Choices:
    """Return nothing: the method is content with the recipe as it is derived."""
    return {}


@dataclass(frozen=True, slots=True)
class Method:
    """One way of training.

    `prepare(base, recipe, steps)` freezes and wraps a loaded base model for a training of `steps` optimizer
    steps; it raises UserMistake where base and recipe do not go together. `defaults(config, recipe)` gives
    the values of the recipe that differ from the derived ones, from the model's config.json.
    """

    name: str
    line: str  # for `--help`
    prepare: Callable[[PreTrainedModel, Recipe, int], Tuned]
    uses: frozenset[str] = frozenset()  # of UNUSED
    defaults: Callable[[Mapping[str, Any], Recipe], Choices] = no_choices
    recomputes: bool = True  # can activations be recomputed (checkpointing)?


@cache
def known_methods() -> dict[str, Method]:
    """Return every declared method by name, in order of the names."""
    package = importlib.import_module("inhouse.training.methods")
    modules = [importlib.import_module(f"{package.__name__}.{each.name}") for each in _modules(package)]
    methods: list[Method] = [module.METHOD for module in modules]
    return {method.name: method for method in sorted(methods, key=lambda method: method.name)}


def find_method(name: str) -> Method:
    """Return a method. Raises UserMistake with the nearest names for one that is not declared."""
    methods = known_methods()
    if name not in methods:
        near = difflib.get_close_matches(name, methods, n=3, cutoff=0.4) or list(methods)
        raise UserMistake("there is no such training method", name, f"did you mean {', '.join(near)}")
    return methods[name]


def _modules(package: Any) -> list[pkgutil.ModuleInfo]:
    return sorted(pkgutil.iter_modules(package.__path__), key=lambda each: each.name)
