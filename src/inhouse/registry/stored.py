"""What was measured of a registered adapter, found again among the artefacts of its workspace.

Artefacts name the digests of their inputs: whatever descends from an adapter's weights was measured of it.
Nothing is scored, generated or judged here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inhouse.errors import UserMistake
from inhouse.evaluation.results import likelihood_judgements
from inhouse.evaluation.tasks import Judgement
from inhouse.registry.adapters import adapter_digest
from inhouse.shards import read_records

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from inhouse.registry.adapters import Adapter

__all__ = ["stored_judgements"]

_MANIFEST = "artefact.json"
_SCORES, _PROMPTED, _JUDGEMENTS = "scores", "prompted", "judgements"


@dataclass(frozen=True, slots=True)
class _Made:
    """A finished artefact."""

    stage: str
    digest: str
    path: Path
    made: float
    inputs: Mapping[str, str]
    settings: Mapping[str, Any]


def stored_judgements(state: Path, adapter: Adapter) -> list[Judgement]:
    """Return all judgements of an adapter that a state folder holds, the newest of each suite.

    Raises UserMistake when nothing was measured of it.
    """
    artefacts = _artefacts(state)
    weights = {one.digest for one in artefacts if one.stage == "weights" and _is_of(one, adapter)}
    measured = _descendants(artefacts, weights)
    found = [judgement for one in _newest(measured) for judgement in _read(one)]
    if not found:
        raise UserMistake("nothing was measured of this adapter here", adapter.name, "run `inhouse eval`")
    return found


def _artefacts(state: Path) -> list[_Made]:
    found = []
    for file in sorted((state / "artefacts").glob(f"*/*/{_MANIFEST}")):
        if not file.parent.name.endswith(".partial"):
            manifest = json.loads(file.read_text(encoding="utf-8"))
            parts = (manifest[key] for key in ("inputs", "settings"))
            made = file.stat().st_mtime
            found.append(_Made(manifest["stage"], manifest["digest"], file.parent, made, *parts))
    return found


def _is_of(weights: _Made, adapter: Adapter) -> bool:
    return adapter_digest(weights.path / "adapter") == adapter.digest


def _descendants(artefacts: list[_Made], roots: set[str]) -> list[_Made]:
    """Return the artefacts that were made from what has one of these digests, at whatever distance."""
    known = set(roots)
    found: list[_Made] = []
    while True:
        new = [one for one in artefacts if one not in found and known.intersection(one.inputs.values())]
        if not new:
            return found
        found += new
        known |= {one.digest for one in new}


def _newest(measured: list[_Made]) -> list[_Made]:
    """Return the newest artefact of each suite; scores and the prompted arm's count as one each."""
    newest: dict[tuple[str, str], _Made] = {}
    for one in sorted(measured, key=lambda one: one.made):
        if one.stage in (_SCORES, _PROMPTED, _JUDGEMENTS):
            newest[one.stage, str(one.settings.get("suite", ""))] = one
    return list(newest.values())


def _read(one: _Made) -> Iterator[Judgement]:
    if one.stage == _JUDGEMENTS:
        yield from read_records(one.path, "judgements", Judgement)
    else:
        yield from likelihood_judgements(one.path)
