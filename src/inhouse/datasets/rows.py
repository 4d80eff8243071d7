"""The training rows of all kinds, mixed into the budget, and the validation rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.config import BUDGETS
from inhouse.datasets.accounting import kind_account
from inhouse.datasets.candidates import candidates
from inhouse.datasets.commits import Changes
from inhouse.datasets.continuation import Continuation
from inhouse.datasets.instructions import Implementations
from inhouse.datasets.items import Cutter, evenly
from inhouse.datasets.mixing import Pool, mix
from inhouse.digests import digest_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inhouse.config import Settings
    from inhouse.datasets.candidates import Candidate
    from inhouse.datasets.material import Material, TrainingFiles
    from inhouse.models.tokenizer import Tokenizer
    from inhouse.progress import Progress
    from inhouse.records import Example

__all__ = ["RowMaker", "row_length"]

_ROW_TOKENS = {"smoke": 512, "demo": 512, "full": 1024}
_VALIDATION_SHARE = 0.06  # of the training tokens, for one pass over the validation rows
_MIN_VALIDATION_ROWS = 8


def row_length(settings: Settings) -> int:
    """Return how many tokens a row may have: enough for an item as it is scored, unless settings say less."""
    if settings.training.sequence_length is not None:
        return settings.training.sequence_length
    item = settings.evaluation.context_tokens + settings.evaluation.max_target_tokens
    return max(_ROW_TOKENS[settings.budget], -(-item // 64) * 64)


class RowMaker:
    """Makes rows and accounts for them."""

    def __init__(self, tokenizer: Tokenizer, repository: str, settings: Settings) -> None:
        length = row_length(settings)
        self._tokenizer = tokenizer
        self._settings = settings
        self._budget = BUDGETS[settings.budget].trained
        self._continuation = Continuation(tokenizer, repository, length)
        self._implementations = Implementations(tokenizer, length)
        self._changes = Changes(tokenizer, repository, length, settings.evaluation.context_tokens)
        self._pools: dict[str, Pool] = {}
        self._tallies = {
            "continuation": self._continuation.tally,
            "implementation": self._implementations.tally,
            "change": self._changes.tally,
        }

    def training(self, material: Material, files: TrainingFiles, progress: Progress) -> list[Example]:
        """Return the training rows, of at most the budget's tokens, in an order that the seed decides."""
        cutter = Cutter(self._tokenizer, self._settings.evaluation)
        found = candidates(material, material.periods["train"], "train", (), cutter)
        with progress.task("training rows", self._budget, "tokens") as task:
            self._pools = {
                "continuation": Pool(self._continuation.rows(files), self._continuation.shorten, task),
                "implementation": Pool(self._implementations.rows(files), task=task),
                "change": Pool(self._changes.rows(found), task=task),
            }
            mix(self._pools, self._budget)
        rows = [row for pool in self._pools.values() for row in pool.kept]
        return sorted(rows, key=lambda row: digest_json([self._settings.seed, row.id]))

    def validation(self, found: Sequence[Candidate], training: Sequence[Example]) -> list[Example]:
        """Return validation items as rows: few enough for a pass to cost 6% of the training, 8 at least."""
        rows = [
            self._changes.example(candidate, "validation") for candidate in found if not candidate.removed
        ]
        affordable = _VALIDATION_SHARE * sum(len(row.input_ids) for row in training)
        cost = sum(len(row.input_ids) for row in rows) / max(1, len(rows))
        return evenly(rows, max(_MIN_VALIDATION_ROWS, int(affordable / max(1.0, cost))))

    def account(self) -> dict[str, dict[str, int]]:
        """Return the account of each kind of training row."""
        return {kind: kind_account(self._tallies[kind], pool) for kind, pool in self._pools.items()}

    def skipped(self) -> dict[str, dict[str, int]]:
        """Return for each kind why something gave no row."""
        return {kind: dict(sorted((+tally.skipped).items())) for kind, tally in self._tallies.items()}
