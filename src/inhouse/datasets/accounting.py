"""Where every token and every candidate went.

tokens seen + repeated = kept + left out by the budget + truncated + dropped, for each kind of example
candidates  = kept + removed, by reason, for each evaluated period, and for prose of the held-out one
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inhouse.datasets.candidates import Candidate
    from inhouse.datasets.mixing import Pool

__all__ = [
    "Tally",
    "document_account",
    "document_sentence",
    "item_account",
    "item_sentence",
    "kind_account",
    "kind_line",
    "truncated_share",
]


_SCORED = ("change", "retrieval")  # kinds in the form of evaluation


@dataclass(slots=True)
class Tally:
    """What was seen while rows of one kind were made. What a small budget never reached is not in it."""

    sources: int = 0  # files or commits that were looked at
    windowed: int = 0  # of them, cut into several rows
    tokens_seen: int = 0
    tokens_truncated: int = 0  # of those seen: beyond what fits into a row
    tokens_dropped: int = 0  # of those seen: in rows that were made and are not wanted
    tokens_waiting: int = 0  # of those seen: in rows that were made and not asked for
    skipped: Counter[str] = field(default_factory=Counter)  # why something gave no row

    def add(self, other: Tally) -> None:
        """Take up what was seen elsewhere."""
        self.sources += other.sources
        self.windowed += other.windowed
        self.tokens_seen += other.tokens_seen
        self.tokens_truncated += other.tokens_truncated
        self.tokens_dropped += other.tokens_dropped
        self.tokens_waiting += other.tokens_waiting
        self.skipped.update(other.skipped)


def kind_account(tally: Tally, pool: Pool) -> dict[str, int]:
    """Return the account of one kind of example."""
    return {
        "rows": len(pool.kept),
        "sources": tally.sources,
        "windowed": tally.windowed,
        "tokens_seen": tally.tokens_seen,
        "tokens_repeated": pool.tokens_repeated,
        "tokens_kept": pool.tokens_kept,
        "tokens_left_out": pool.tokens_left_out + tally.tokens_waiting,
        "tokens_truncated": tally.tokens_truncated,
        "tokens_dropped": tally.tokens_dropped,
        "tokens_with_loss": sum(place.trained for place in pool.kept),
    }


def kind_line(kind: str, account: dict[str, int]) -> str:
    """Return the account as a line of a table."""
    repeated = account["tokens_repeated"]
    return (
        f"{kind:<14} {account['rows']:>6,} rows {account['tokens_seen']:>10,} tokens seen"
        + (f" + {repeated:,} repeated" if repeated else "")
        + " ="
        f" {account['tokens_kept']:>9,} kept + {account['tokens_left_out']:>9,} left out by the budget"
        f" + {account['tokens_truncated']:>7,} truncated + {account['tokens_dropped']:>7,} dropped"
    )


def truncated_share(kinds: Mapping[str, Mapping[str, int]]) -> tuple[float, str]:
    """Return which share of the tokens that were made did not fit into rows, and the kind that lost most.

    Targets that are cut to the length at which evaluation scores them do not count: rows of any length would
    hold no more of them.
    """
    counted = {kind: own for kind, own in kinds.items() if kind not in _SCORED}
    cut = {kind: own["tokens_truncated"] for kind, own in counted.items()}
    whole = sum(own["tokens_kept"] + own["tokens_left_out"] for own in counted.values()) + sum(cut.values())
    return (sum(cut.values()) / whole, max(cut, key=cut.__getitem__)) if whole else (0.0, "")


def item_account(found: Sequence[Candidate]) -> dict[str, Any]:
    """Return the account of one period's candidates."""
    kept = [candidate for candidate in found if not candidate.removed]
    removed = Counter(candidate.removed for candidate in found if candidate.removed)
    return {
        "candidates": len(found),
        "commits": len({candidate.item.commit for candidate in found}),
        "kept": len(kept),
        "commits_kept": len({candidate.item.commit for candidate in kept}),
        "removed": dict(sorted(removed.items(), key=lambda pair: (-pair[1], pair[0]))),
        "tokens_cut": sum(candidate.tokens_cut for candidate in kept),
    }


def item_sentence(period: str, account: dict[str, Any]) -> str:
    """Return the account as a sentence."""
    reasons = ", ".join(f"{number} {reason}" for reason, number in account["removed"].items())
    return (
        f"{period} items: {account['kept']} of {account['candidates']} candidates kept"
        f" ({account['commits_kept']} of {account['commits']} commits)"
        + (f"; removed: {reasons}" if reasons else "")
    )


def document_account(found: Sequence[Candidate]) -> dict[str, Any]:
    """Return the same account of candidates that are prose, with the kept ones by language."""
    languages = Counter(candidate.item.language for candidate in found if not candidate.removed)
    return item_account(found) | {"languages": dict(sorted(languages.items()))}


def document_sentence(account: dict[str, Any]) -> str:
    """Return the account as a sentence, which says so when nothing is left to measure on."""
    if not account["candidates"]:
        return "newer documents: none, no Markdown, reStructuredText or docstring was written after the cut"
    languages = ", ".join(f"{number} {name}" for name, number in account["languages"].items())
    return item_sentence("newer document", account) + (f"; kept: {languages}" if languages else "")
