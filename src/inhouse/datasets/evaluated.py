"""The items of the evaluated periods: found, compared with what was seen before, sampled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.config import BUDGETS
from inhouse.datasets.candidates import candidates, not_read
from inhouse.datasets.contamination import Seen
from inhouse.datasets.items import Cutter, evenly, item_quota, sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inhouse.config import Settings
    from inhouse.datasets.candidates import Candidate
    from inhouse.datasets.material import Material
    from inhouse.models.tokenizer import Tokenizer
    from inhouse.progress import Progress
    from inhouse.records import Example

__all__ = ["BEYOND_BUDGET", "evaluated"]

BEYOND_BUDGET = "beyond the budget"
"""Reason of the candidates that the sample leaves out."""

_COMMITS_FOR_AN_ITEM = 8  # commits that are read at most, an item: some are left when most are unusable


def evaluated(
    material: Material,
    training: Sequence[Example],
    tokenizer: Tokenizer,
    settings: Settings,
    progress: Progress,
) -> dict[str, list[Candidate]]:
    """Return the candidates of the validation and the held-out period, oldest commit first.

    Those that may be measured on repeat nothing of the texts that were trained on, nor of the tree at the cut
    from which their period is measured: what stands there already is not new code.
    """
    quotas = item_quota(BUDGETS[settings.budget], settings.evaluation)
    cutter = Cutter(tokenizer, settings.evaluation)
    cuts = {"validation": material.training_cut, "heldout": material.split.cut}
    seen = Seen()
    seen.add(material.placed({name for row in training for name in row.lineage}))
    found = {}
    for (split, cut), quota in zip(cuts.items(), quotas[::-1], strict=True):
        seen.add(material.tree(cut, "index"))
        known = material.tree_paths(cut)
        commits, others = _chosen(material, split, quota)
        with progress.task(f"{split} items", len(commits), "commits") as task:
            read = list(seen.check(candidates(material, commits, split, known, cutter, task)))
        unread = not_read(material, others, split, known, BEYOND_BUDGET)
        found[split] = [*_sampled(read, quota, settings.seed), *unread]
    return found


def _chosen(material: Material, split: str, quota: int) -> tuple[list[str], list[str]]:
    """Return which commits are read, oldest first, and which are not: reading thousands takes minutes."""
    commits = [commit for commit in material.periods[split][::-1] if material.changes(commit)]
    chosen = evenly(commits, _COMMITS_FOR_AN_ITEM * quota)
    read = set(chosen)
    return chosen, [commit for commit in commits if commit not in read]


def _sampled(found: Sequence[Candidate], quota: int, seed: int) -> list[Candidate]:
    kept = sample([candidate.item for candidate in found if not candidate.removed], quota, seed)
    ids = {item.id for item in kept}
    return [
        candidate if candidate.removed or candidate.item.id in ids else candidate.without(BEYOND_BUDGET)
        for candidate in found
    ]
