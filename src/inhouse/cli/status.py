"""Show what went in, what was kept, what was removed and why, and which stages are done.

example: inhouse status
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from inhouse.cli.common import VerbParser, open_context, print_json, print_rows

if TYPE_CHECKING:
    import argparse

    from inhouse.workspace import Workspace

__all__ = ["parser", "run"]

_STAGES = ("history", "corpus", "index", "dataset", "plan", "weights", "scores")


def parser(parser: VerbParser) -> None:
    """Add the arguments."""
    parser.add_argument("--removed", action="store_true", help="list every removed item with its reason")
    parser.add_workspace()


def run(arguments: argparse.Namespace) -> int:
    """Print the state of the workspace."""
    with open_context(arguments, Path(), create=False) as context:
        status = _status(context.workspace, context.settings.retrieval.store)
        removed = _removed(context.workspace) if arguments.removed else []
    if arguments.json:
        print_json({**status, **({"removed": removed} if arguments.removed else {})})
        return 0
    corpus = status["corpus"]
    if corpus:
        print(
            f"corpus: in {corpus['in']} = kept {corpus['kept']} + removed {sum(corpus['removed'].values())}"
        )
        print_rows(
            [{"removed because": k, "n": n} for k, n in corpus["removed"].items()], ["removed because", "n"]
        )
    else:
        print("corpus: not built yet; next: inhouse ingest")
    print()
    print_rows(status["stages"], ["stage", "state", "seconds", "peak MB"])
    _print_indexes(status["indexes"])
    if removed:
        print()
        print_rows(removed, ["path", "kind", "revision", "reason"])
    return 0


def _status(workspace: Workspace, store: str) -> dict[str, Any]:
    corpus = workspace.current("corpus")
    return {
        "workspace": str(workspace.folder),
        "corpus": corpus.read_json("counts.json") if corpus else None,
        "indexes": _indexes(workspace, store),
        "stages": [_stage(workspace, stage) for stage in _STAGES],
    }


def _indexes(workspace: Workspace, store: str) -> dict[str, Any]:
    from inhouse.retrieval.index import states_now

    artefact = workspace.current("index")
    return states_now(artefact.read_json("indexes.json"), workspace.folder, store) if artefact else {}


def _print_indexes(indexes: dict[str, Any]) -> None:
    """Print how the files of each index were read, and why some were not."""
    for name, index in indexes.items():
        state = index["status"]
        if "problem" in index:
            print(f"\nindex at the {name}, {index['revision'][:12]}: {index['problem']}")
            continue
        print(f"\nindex at the {name}, {index['revision'][:12]}: {state['files']} files")
        counts = {"parsed": state["parsed"], **state["reasons"]}
        counts |= {f"left out: {reason}": n for reason, n in state.get("left_out_by_hygiene", {}).items()}
        print_rows([{"how": how, "files": n} for how, n in counts.items()], ["how", "files"])
        model = (state["vectors_of"] or {"model": "no model"})["model"]
        print(f"vectors: {state['vectors']} of {model}")


def _stage(workspace: Workspace, stage: str) -> dict[str, Any]:
    artefact = workspace.current(stage)
    if artefact is None:
        return {"stage": stage, "state": "not made", "seconds": "", "peak MB": ""}
    return {
        "stage": stage,
        "state": f"done ({artefact.fingerprint[:12]})",
        "seconds": round(artefact.cost.seconds, 1),
        "peak MB": artefact.cost.peak_memory_bytes // 1_000_000,
        "digest": artefact.digest,
    }


def _removed(workspace: Workspace) -> list[dict[str, Any]]:
    from inhouse.hygiene.corpus import Corpus

    corpus = workspace.need("corpus", "run `inhouse ingest`")
    return [
        {"path": item.path, "kind": item.kind, "revision": item.revision[:12], "reason": item.removed}
        for item in Corpus(corpus.path).occurrences
        if item.removed
    ]
