"""Does it help? Real repositories, the whole way, with and without rows that carry retrieved text.

python benchmarks/bench_outcome.py REPOSITORY [...] [--tokens N] [--mix NAME] [--threads N] [--keep DIR]

(default: 200,000 training tokens, aware, 1 thread.) Held-out bits per byte of the four arms, general code,
and the processor time of the training. The mix "aware" gives three tenths of the tokens to changes with
retrieved text, "plain" gives them to changes without it; nothing else differs. With "both" each is trained,
and the two are compared on the items that both were measured on. Each repository is read at its own tip.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from inhouse.config import load_settings
from inhouse.evaluation.significance import paired_difference
from inhouse.pipeline import Pipeline
from inhouse.progress import Progress
from inhouse.records import Score
from inhouse.shards import read_records
from inhouse.sources.git import Repository
from inhouse.workspace import MEASURED, Workspace

KINDS = {
    "aware": {"continuation": 0.5, "implementation": 0.1, "change": 0.1, "retrieval": 0.3},
    "plain": {"continuation": 0.5, "implementation": 0.1, "change": 0.4},
}
ARMS = ("base", "retrieval", "tuned", "tuned_retrieval")
DIFFERENCES = ("tuned - base", "tuned_retrieval - retrieval", "tuned - retrieval")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("repositories", nargs="+", type=Path)
    parser.add_argument("--tokens", type=int, default=200_000)
    parser.add_argument("--mix", choices=[*KINDS, "both"], default="aware")
    parser.add_argument("--threads", type=int, default=1, help="more than one only on an idle machine")
    parser.add_argument("--keep", type=Path, help="folder that keeps the workspaces")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        for repository in given.repositories:
            mixes = list(KINDS) if given.mix == "both" else [given.mix]
            folders = [folder / f"{repository.stem}-{mix}" for mix in mixes]
            for mix, own in zip(mixes, folders, strict=True):
                print(row(repository, own, mix, given), flush=True)
            if len(folders) == 2:
                print(f"{repository.stem}, {' - '.join(mixes)}:", *compared(*folders), sep="\n  ", flush=True)


def row(repository: Path, folder: Path, mix: str, given: argparse.Namespace) -> str:
    """Go all the way with one repository and return what came out as lines of text."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted: dict[str, Any] = {"budget": "demo", "workers": given.threads, "training.epochs": 1.0}
    wanted |= {"dataset.tokens": given.tokens, "dataset.kinds": KINDS[mix]}
    pipeline = Pipeline(
        Repository.open(repository), Workspace.open(folder), load_settings(None, wanted), Progress.silent()
    )
    assert pipeline.plan.path  # everything before the training
    started = time.process_time()
    weights = pipeline.weights
    spent = time.process_time() - started
    found = pipeline.run()
    history = weights.read_json("history.json")
    speed = weights.read_json(MEASURED)["tokens_per_second"]
    seen = f"{history['tokens_seen']:,} tokens in {spent / 60:.0f} processor minutes, {speed:.0f} a second"
    lines = [f"{repository.stem} at {found['split']['tip'][:12]}, mix {mix}: {seen}"]
    lines += [f"  {arm}: {shown(found['arms'][arm]['bits_per_byte'])}" for arm in ARMS]
    lines += [f"  {name}: {shown(found['differences'][name]['bits_per_byte'])}" for name in DIFFERENCES]
    lines += [f"  general code: {shown(found['retention']['difference'])}"]
    lines += [f"  share of the context for retrieval: {found['retrieval_share']}", f"  {found['verdict']}"]
    return "\n".join(lines)


def compared(first: Path, second: Path) -> list[str]:
    """Return how two trainings differ in each arm, on the items that both have."""
    scores = [scores_of(folder) for folder in (first, second)]
    lines = []
    for arm in ARMS:
        one, other = ({score.item: score for score in own if score.arm == arm} for own in scores)
        both = sorted(one.keys() & other.keys())
        sums = [np.array([(own[item].bits, own[item].bytes) for item in both]).T for own in (one, other)]
        found = paired_difference(*map(tuple, sums), [one[item].commit for item in both])
        told = f"{found.value:+.4f} [{found.low:+.4f}, {found.high:+.4f}], p {found.p:.3f}"
        lines.append(f"{arm}: {told}, n={found.n} of {found.commits} commits")
    return lines


def scores_of(folder: Path) -> list[Score]:
    artefact = Workspace.open(folder).current("scores")
    assert artefact is not None
    return list(read_records(artefact.path, "scores", Score))


def shown(estimate: dict[str, Any]) -> str:
    return f"{estimate['value']:.3f} [{estimate['low']:.3f}, {estimate['high']:.3f}], n={estimate['n']}"


if __name__ == "__main__":
    main()
