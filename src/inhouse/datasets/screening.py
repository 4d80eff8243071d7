"""What is no training row and yet must hold nothing that one may not: validation rows and preference pairs.

Validation decides when training stops, and pairs are trained on later. Both pass the benchmarks and the
filters that look at a row by itself; of a pair both sides do, short as they are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inhouse.datasets.decontamination import BenchmarkHit, Benchmarks
    from inhouse.datasets.filters import RowFilters
    from inhouse.datasets.negatives import Preference
    from inhouse.records import Example

__all__ = ["PREFERENCE", "VALIDATION", "Screen"]

VALIDATION, PREFERENCE = "validation", "preference"


class Screen:
    """Lets through what may be used. `dropped` counts the reasons, by what it was."""

    def __init__(self, benchmarks: Benchmarks, filters: RowFilters) -> None:
        self._benchmarks = benchmarks
        self._filters = filters
        self.dropped: dict[str, Counter[str]] = defaultdict(Counter)

    def validation(self, rows: Iterable[Example]) -> list[Example]:
        """Return the validation rows that stay."""
        return [row for row in rows if self._stays(VALIDATION, self._row_reason(row))]

    def preferences(self, pairs: Iterable[Preference]) -> list[Preference]:
        """Return the pairs that stay."""
        return [pair for pair in pairs if self._stays(PREFERENCE, self._pair_reason(pair))]

    def account(self, what: str) -> dict[str, int]:
        """Return why something was dropped, and how often."""
        return dict(sorted(self.dropped[what].items()))

    def _row_reason(self, row: Example) -> str:
        hit = self._benchmarks.find_text(row.text, VALIDATION, row.lineage)
        return _repeats(hit) or self._filters.reason_alone(row)

    def _pair_reason(self, pair: Preference) -> str:
        sides = (f"{pair.prompt}\n{side}" for side in (pair.chosen, pair.rejected))
        hits = (self._benchmarks.find_text(side, PREFERENCE, pair.lineage) for side in sides)
        hit = next(filter(None, hits), None)
        return _repeats(hit) or self._filters.pair_reason(pair.prompt, pair.chosen, pair.rejected)

    def _stays(self, what: str, reason: str) -> bool:
        if reason:
            self.dropped[what][reason] += 1
        return not reason


def _repeats(hit: BenchmarkHit | None) -> str:
    return f"repeats {hit.benchmark}" if hit is not None else ""
