"""The items of the evaluated periods: found, compared with what was seen before, sampled."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from inhouse.config import BUDGETS
from inhouse.datasets.candidates import candidates, not_read
from inhouse.datasets.contamination import Seen
from inhouse.datasets.items import Cutter, evenly, item_quota, sample
from inhouse.datasets.prose import ProseCutter, is_document_change, sample_prose
from inhouse.datasets.split import is_candidate
from inhouse.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from inhouse.config import Settings
    from inhouse.datasets.candidates import Candidate
    from inhouse.datasets.material import Material, Wanted
    from inhouse.models.tokenizer import Tokenizer
    from inhouse.records import Example, Item

    Sampler = Callable[[Sequence[Item], int, int], list[Item]]

__all__ = ["BEYOND_BUDGET", "DOCUMENTS", "evaluated", "new_texts", "newer_documents"]

BEYOND_BUDGET = "beyond the budget"
"""Reason of the candidates that the sample leaves out."""

DOCUMENTS = "documents"
"""Split of the items that are prose of the held-out period: nothing that is about code sees them."""

_COMMITS_FOR_AN_ITEM = 8  # commits that are read at most, an item: some are left when most are unusable


def evaluated(
    material: Material,
    training: Iterable[Example],
    tokenizer: Tokenizer,
    settings: Settings,
    progress: Progress,
    seen: Seen,
) -> dict[str, list[Candidate]]:
    """Return the candidates of the validation and the held-out period, oldest commit first.

    Those that may be measured on repeat nothing of the texts that were trained on, nor of the tree at the cut
    from which their period is measured: what stands there already is not new code. `seen` takes these texts
    up: in the end all that held-out items must not repeat.
    """
    quotas = item_quota(BUDGETS[settings.budget], settings.evaluation)
    cutter = Cutter(tokenizer, settings.evaluation)
    cuts = {"validation": material.training_cut, "heldout": material.split.cut}
    seen.add(material.placed({name for row in training for name in row.lineage}))
    found = {}
    for (split, cut), quota in zip(cuts.items(), quotas[::-1], strict=True):
        seen.add(material.tree(cut, "index"))
        known = material.tree_paths(cut)
        commits, others = _chosen(material, split, quota, is_candidate)
        with progress.task(f"{split} items", len(commits), "commits") as task:
            read = list(seen.check(candidates(material, commits, split, known, cutter, task)))
        unread = not_read(material, others, split, known, BEYOND_BUDGET)
        found[split] = [*_sampled(read, quota, settings.seed, sample), *unread]
    return found


def newer_documents(
    material: Material, seen: Seen, tokenizer: Tokenizer, settings: Settings, progress: Progress
) -> list[Candidate]:
    """Return the candidates of the held-out period that are prose, by the rules of code, oldest commit first.

    At most half as many are kept as of code, because they are scored on top of it. `seen` is what `evaluated`
    left. Where commits are too many to read all, the docstrings of the others are not known, so not counted.
    """
    quota = max(1, item_quota(BUDGETS[settings.budget], settings.evaluation)[0] // 2)
    cutter = ProseCutter(tokenizer, settings.evaluation)
    known = material.tree_paths(material.split.cut)
    commits, others = _chosen(material, "heldout", quota, cutter.wanted)
    with progress.task("held-out documents", len(commits), "commits") as task:
        read = list(seen.check(candidates(material, commits, DOCUMENTS, known, cutter, task)))
    unread = not_read(material, others, DOCUMENTS, known, BEYOND_BUDGET, is_document_change)
    return [*_sampled(read, quota, settings.seed, sample_prose), *unread]


def new_texts(material: Material, tokenizer: Tokenizer, settings: Settings) -> list[str]:
    """Return what may be measured on: targets of both periods, prose too, that no tree had before."""
    seen, silent = Seen(), Progress.silent()
    found = list(chain(*evaluated(material, (), tokenizer, settings, silent, seen).values()))
    found += newer_documents(material, seen, tokenizer, settings, silent)
    usable = (candidate for candidate in found if candidate.removed in ("", BEYOND_BUDGET))
    return [candidate.item.target for candidate in usable if candidate.item.target]


def _chosen(material: Material, split: str, quota: int, wanted: Wanted) -> tuple[list[str], list[str]]:
    """Return which commits are read, oldest first, and which are not: reading thousands takes minutes."""
    commits = [commit for commit in material.periods[split][::-1] if material.changes(commit, wanted)]
    chosen = evenly(commits, _COMMITS_FOR_AN_ITEM * quota)
    read = set(chosen)
    return chosen, [commit for commit in commits if commit not in read]


def _sampled(found: Sequence[Candidate], quota: int, seed: int, choose: Sampler) -> list[Candidate]:
    kept = choose([candidate.item for candidate in found if not candidate.removed], quota, seed)
    ids = {item.id for item in kept}
    return [
        candidate if candidate.removed or candidate.item.id in ids else candidate.without(BEYOND_BUDGET)
        for candidate in found
    ]
