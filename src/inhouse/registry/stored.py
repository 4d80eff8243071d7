"""What was measured of a registered adapter, found again among the artefacts of its workspace.

Artefacts name the digests of their inputs: whatever descends from an adapter's weights was measured of it.
Nothing is scored, generated or judged here.

    scores        the comparison: held-out items of all arms, and a small sample of general code
    general       base and tuned on as much general code as the gate asks for; the sample of the scores is
                  the beginning of it
    prompted      the prompted arm on the held-out items
    newer         all arms on documents that came after the cut
    known         what the weights know of secrets that were removed, and of planted canaries
    judgements    how a suite judged what the arms wrote
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inhouse.errors import UserMistake
from inhouse.evaluation.results import GENERAL_CODE, likelihood_judgements
from inhouse.evaluation.suites.documents import newer_documents
from inhouse.evaluation.tasks import Judgement
from inhouse.registry.adapters import adapter_digest
from inhouse.shards import read_records

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from inhouse.registry.adapters import Adapter

__all__ = ["has_general_code", "stored_judgements"]

_MANIFEST = "artefact.json"
_DATASET = "dataset"
_SCORES, _GENERAL, _PROMPTED = "scores", "general", "prompted"
_NEWER, _KNOWN, _JUDGEMENTS = "newer", "known", "judgements"
_MEASURED = (_SCORES, _GENERAL, _PROMPTED, _NEWER, _KNOWN, _JUDGEMENTS)


@dataclass(frozen=True, slots=True)
class _Made:
    """A finished artefact."""

    stage: str
    digest: str
    path: Path
    made: float
    inputs: Mapping[str, str]
    settings: Mapping[str, Any]


def stored_judgements(state: Path, adapter: Adapter, *, general: bool = True) -> list[Judgement]:
    """Return all judgements of an adapter that a state folder holds, the newest of each suite.

    General code is that of the stage of its own where that is stored; without `general` it is the small
    sample of the comparison, to be compared with an adapter that has no more. Raises UserMistake when nothing
    was measured of the adapter.
    """
    artefacts = _artefacts(state)
    datasets = {one.digest: one.path for one in artefacts if one.stage == _DATASET}
    measured = _measured(artefacts, adapter)
    large = general and any(one.stage == _GENERAL for one in measured)
    found: list[Judgement] = []
    for one in measured:
        rows = _read(one, datasets)
        if one.stage in (_SCORES, _GENERAL):
            rows = (row for row in rows if row.suite != GENERAL_CODE or large == (one.stage == _GENERAL))
        found += rows
    if not found:
        raise UserMistake("nothing was measured of this adapter here", adapter.name, "run `inhouse eval`")
    return found


def has_general_code(state: Path, adapter: Adapter) -> bool:
    """Tell whether more general code was scored with an adapter than the sample of the comparison."""
    return any(one.stage == _GENERAL for one in _measured(_artefacts(state), adapter))


def _measured(artefacts: list[_Made], adapter: Adapter) -> list[_Made]:
    weights = {one.digest for one in artefacts if one.stage == "weights" and _is_of(one, adapter)}
    return _newest(_descendants(artefacts, weights))


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
    """Return the newest artefact of each suite; each stage that only scores counts as one."""
    newest: dict[tuple[str, str], _Made] = {}
    for one in sorted(measured, key=lambda one: one.made):
        if one.stage in _MEASURED:
            newest[one.stage, str(one.settings.get("suite", ""))] = one
    return list(newest.values())


def _read(one: _Made, datasets: Mapping[str, Path]) -> Iterator[Judgement]:
    if one.stage in (_KNOWN, _JUDGEMENTS):
        yield from read_records(one.path, "judgements", Judgement)
    elif one.stage != _NEWER:
        yield from likelihood_judgements(one.path)
    elif (dataset := datasets.get(one.inputs["dataset"])) is not None:  # it says what is a docstring
        yield from newer_documents(one.path, dataset)
