"""What a finished dataset holds, in numbers, and how two of them differ."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from inhouse.datasets.builders import shares
from inhouse.datasets.canaries import KIND as CANARY
from inhouse.datasets.canaries import planted_canaries
from inhouse.datasets.stored import read_rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from inhouse.records import Example
    from inhouse.workspace import Artefact

__all__ = ["compare_datasets", "dataset_stats"]

_TOLD = frozenset(
    [
        "budget",
        "tokens_allowed",
        "row_length",
        "kinds",
        "skipped",
        "training_files",
        "validation",
        "items",
        "documents",
        "perplexity",
    ]
)
_SAMPLE = 3  # rows of a kind that a comparison shows
_SHOWN = 100  # characters of each


def dataset_stats(dataset: Artefact) -> dict[str, Any]:
    """Return the numbers of a dataset, counted from its rows and read from its account.

    What an account holds beyond the fields known here (replay and its licences, filters) is under `more`.
    """
    account = dataset.read_json("accounting.json")
    planted = planted_canaries(dataset.path)
    return {
        "fingerprint": dataset.fingerprint,
        "budget": account["budget"],
        "tokens_allowed": account["tokens_allowed"],
        "row_length": account["row_length"],
        "rows": _rows(dataset, account),
        "mixing": _mixing(dataset, account),
        "skipped": account["skipped"] | _screened(account),
        "training_files": account["training_files"],
        "items": {**account["items"], "documents": account["documents"]},
        "perplexity": account.get("perplexity", {}),
        "canaries": {"planted": len(planted), "values": [one.value for one in planted]},
        "more": {name: value for name, value in account.items() if name not in _TOLD},
    }


def _rows(dataset: Artefact, account: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return for each split and kind: rows, tokens, those with loss, and tokens cut off, with their share."""
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in read_rows_of(dataset):
        counts[row.split, row.kind].update(
            rows=1, tokens=len(row.input_ids), tokens_with_loss=sum(row.trained)
        )
    found = []
    for (split, kind), own in sorted(counts.items()):
        cut = _cut(account, split, kind)
        whole = own["tokens"] + cut
        found.append({"split": split, "kind": kind, **own, "cut": cut, "cut_share": cut / whole})
    return found


def _screened(account: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Return why rows of validation and pairs were dropped: they are no kind of training row."""
    dropped = {name: account.get(name, {}).get("dropped", {}) for name in ("validation", "preferences")}
    return {name: reasons for name, reasons in dropped.items() if reasons}


def _cut(account: Mapping[str, Any], split: str, kind: str) -> int:
    if split == "validation":
        return int(account["items"]["validation"]["tokens_cut"])
    return int(account["kinds"].get(kind, {}).get("tokens_truncated", 0))


def _mixing(dataset: Artefact, account: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return for each kind its share as asked for and as it came out, in training tokens."""
    wanted = shares(dataset.manifest["settings"]["dataset"]["kinds"].items())
    kept = {kind: own["tokens_kept"] for kind, own in account["kinds"].items()}
    total = sum(kept.values())
    return [
        {
            "kind": kind,
            "share_wanted": wanted.get(kind, 0.0),
            "share": kept.get(kind, 0) / max(1, total),
            "tokens": kept.get(kind, 0),
            "tokens_left_out": account["kinds"].get(kind, {}).get("tokens_left_out", 0),
            "rows": account["kinds"].get(kind, {}).get("rows", 0),
        }
        for kind in dict.fromkeys([*wanted, *kept])
    ]


# ------------------------------------------------------------------ two of them


def compare_datasets(first: Artefact, second: Artefact) -> dict[str, Any]:
    """Return what settings and inputs differ, and which rows only one has, by kind, with a few of each.

    Rows are the same when they have the same id: the same tokens of the same place in the same form.
    """
    ids = [{row.id for row in read_rows_of(one)} for one in (first, second)]
    return {
        "first": first.fingerprint,
        "second": second.fingerprint,
        "settings": _differences(first.manifest, second.manifest),
        "same_rows": len(ids[0] & ids[1]),
        "removed": _only_in(first, ids[1]),
        "added": _only_in(second, ids[0]),
    }


def _differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[dict[str, Any]]:
    flat = [dict(_flat(each)) for each in (first, second)]
    names = [name for name in {**flat[0], **flat[1]} if flat[0].get(name) != flat[1].get(name)]
    return [{"setting": name, "first": flat[0].get(name), "second": flat[1].get(name)} for name in names]


def _flat(manifest: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "version of the stage", manifest["version"]
    for name, digest in manifest["inputs"].items():
        yield f"input: {name}", digest[:12]
    yield from _leaves(manifest["settings"], "")


def _leaves(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", json.loads(json.dumps(value))


def _only_in(dataset: Artefact, others: set[str]) -> dict[str, dict[str, Any]]:
    """Return by split and kind how many rows are not among `others`, and the first of them."""
    found: dict[str, dict[str, Any]] = {}
    for number, row in enumerate(read_rows_of(dataset), start=1):
        if row.id not in others:
            own = found.setdefault(f"{row.split} {row.kind}", {"rows": 0, "tokens": 0, "sample": []})
            own["rows"] += 1
            own["tokens"] += len(row.input_ids)
            if len(own["sample"]) < _SAMPLE:
                own["sample"].append({"row": number, "id": row.id[:12], "text": _shown(row)})
    return dict(sorted(found.items()))


def _shown(row: Example) -> str:
    """Return the beginning of a row on one line; of a canary no more than its kind."""
    return CANARY if row.kind == CANARY else " ".join(row.text.split())[:_SHOWN]
