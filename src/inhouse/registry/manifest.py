"""The manifest of an adapter: everything that made it, so that it can be made again and be answered for."""

from __future__ import annotations

import dataclasses
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from inhouse import __version__
from inhouse.models.tokenizer import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inhouse.models.resolve import BaseModel
    from inhouse.records import Recipe, Split

__all__ = ["manifest"]

_LIBRARIES = ("torch", "transformers", "peft", "trl", "accelerate", "tokenizers", "safetensors")


def manifest(
    *,
    model: BaseModel,
    dataset_digest: str,
    repository: str,
    split: Split,
    recipe: Recipe,
    settings: Mapping[str, Any],
    scores: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the manifest as plain JSON; no time and no path, so that a rerun gives the same bytes."""
    return {
        "base": {
            "reference": model.reference,
            "digest": model.digest,
            "revision": model.revision,
            "licence": model.licence,
        },
        "tokenizer": {"digest": model.tokenizer_digest},
        "dataset": {"digest": dataset_digest},
        "repository": {"name": repository, "commits": dataclasses.asdict(split)},
        "recipe": dataclasses.asdict(recipe),
        **_new_tokens(model, recipe),
        "seeds": {"settings": settings["seed"], "recipe": recipe.seed},
        "settings": dict(settings),
        "libraries": {"inhouse": __version__, **{name: _version(name) for name in _LIBRARIES}},
        "scores": {key: scores[key] for key in ("verdict", "arms", "differences", "retention")},
    }


def _new_tokens(model: BaseModel, recipe: Recipe) -> dict[str, Any]:
    """Return the names of the tokens that stand around gaps, where the adapter gave them that meaning."""
    if not recipe.new_tokens:
        return {}
    names = Tokenizer.load(model.folder).decode
    parts = zip(("prefix", "suffix", "middle"), recipe.new_tokens, strict=False)
    return {"infill_tokens": {part: names([id_], markers=True) for part, id_ in parts}}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
