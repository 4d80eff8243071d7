"""The training rows of all kinds, mixed into the budget, and the validation rows."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from inhouse.datasets.accounting import kind_account
from inhouse.datasets.builders import find_builder, shares
from inhouse.datasets.builders.changes import Changes
from inhouse.datasets.builders.contract import Bench, Past
from inhouse.datasets.builders.critiques import Critiques
from inhouse.datasets.builders.infill import Infill, infill_account, infill_marks
from inhouse.datasets.canaries import KIND, Planted
from inhouse.datasets.contamination import THRESHOLD
from inhouse.datasets.decontamination import Benchmarks
from inhouse.datasets.evaluated import new_texts
from inhouse.datasets.filters import RowFilters
from inhouse.datasets.general import General, own_names, replay_account
from inhouse.datasets.items import evenly
from inhouse.datasets.likelihood import Likelihood
from inhouse.datasets.mixing import REPLAY, Pool, mix
from inhouse.datasets.negatives import Guard, preference
from inhouse.datasets.review import read_drops
from inhouse.datasets.screening import Screen
from inhouse.datasets.spill import Rows, Spill
from inhouse.datasets.workshop import Workshop
from inhouse.digests import digest_json
from inhouse.errors import UserMistake
from inhouse.hygiene.duplicates import SpansWithin

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from inhouse.config import Dataset, Settings
    from inhouse.datasets.builders.contract import Builder
    from inhouse.datasets.candidates import Candidate
    from inhouse.datasets.material import Material, TrainingFiles
    from inhouse.datasets.mixing import Shorten
    from inhouse.datasets.negatives import Preference
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
        self._settings = settings
        self._budget = settings.training_tokens
        wanted = settings.dataset
        marks = infill_marks(tokenizer, spare=wanted.infill_tokens)
        self._bench = Bench(tokenizer, repository, row_length(settings), settings.evaluation, marks)
        _check_kinds(wanted)
        self._shares = shares(wanted.kinds.items())
        kinds = (*self._shares, *([REPLAY] if wanted.replay else ()))
        self._builders = {kind: find_builder(kind)(self._bench) for kind in kinds}
        self._general = General(wanted.replay_from, settings.seed, settings.hygiene.rules)
        self._filters = RowFilters(wanted.filters, tokenizer)
        self._dropped = read_drops(wanted.review)
        self.likelihood = Likelihood.of(settings, tokenizer)
        self.benchmarks = Benchmarks.of(settings)
        self.screen = Screen(self.benchmarks, self._filters)
        self.planted = Planted(wanted.canaries, wanted.canary_repeats, settings.seed, tokenizer, self._budget)
        self._past = Past()
        self._guard = Guard((), tokenizer)
        self._pools: dict[str, Pool] = {}
        self._tallies = {kind: builder.tally for kind, builder in self._builders.items()}
        self._tallies[KIND] = self.planted.tally

    def open(self, folder: Path, corpus: Path) -> Workshop:
        """Open where rows are made: with processes when the budget and the corpus are worth it."""
        workers = self._settings.workers or len(os.sched_getaffinity(0))
        size = sum(path.stat().st_size for path in corpus.glob("*.parquet"))
        size = min(self._budget, size)
        return Workshop(self._bench, self.benchmarks, Spill(folder), workers=workers, size=size)

    def training(self, material: Material, files: TrainingFiles, shop: Workshop, progress: Progress) -> Rows:
        """Return the training rows, of at most the budget's tokens, in an order that the seed decides."""
        for line in self.planned():
            progress.say(line)
        self._past = past = self._read(material, files)
        with progress.task("training rows", self._budget, "tokens") as task:
            known = past.negatives if Critiques.kind in self._builders else ()
            self._guard = Guard(known, self._bench.tokenizer)
            self._pools = {
                kind: Pool(
                    self.likelihood.within(
                        builder, self._usable(builder, shop, past), self._share_of_all(kind)
                    ),
                    shop.spill,
                    self._shortener(builder),
                    task,
                    self._settings.dataset.epochs.get(kind, 1.0),
                )
                for kind, builder in self._builders.items()
            }
            mix(
                self._pools,
                self._budget - self.planted.tokens,
                self._shares,
                self._settings.dataset.replay,
            )
        if self.planted.canaries:
            self._pools[KIND] = Pool(self.planted.rows, shop.spill)
            self._pools[KIND].take(self.planted.tokens)
        rows = [place for pool in self._pools.values() for place in pool.kept]
        return Rows(shop.spill, sorted(rows, key=lambda row: digest_json([self._settings.seed, row.id])))

    def planned(self) -> list[str]:
        """Return the mixture as a table, before it is built: what a kind cannot use flows to the others."""
        room = self._budget - self.planted.tokens
        wanted = {kind: self._share_of_all(kind) for kind in self._builders}
        epochs = self._settings.dataset.epochs
        lines = [
            f"{kind:<14} {share:>5.0%} {int(room * share):>10,} tokens"
            + (f", every row {epochs[kind]:g} times" if epochs.get(kind, 1.0) != 1.0 else "")
            for kind, share in wanted.items()
        ]
        return [f"mixture planned, {room:,} tokens:", *lines]

    def preferences(self) -> list[Preference] | None:
        """Return the pairs for preference training, after `training`; None when critiques are not wanted."""
        if Critiques.kind not in self._builders:
            return None
        pairs = (preference(negative, self._bench.repository) for negative in self._past.negatives)
        return self.screen.preferences(pair for pair in pairs if pair is not None)

    def validation(self, found: Sequence[Candidate], trained: int) -> list[Example]:
        """Return validation items as rows: few enough for a pass to cost 6% of the training, 8 at least."""
        changes = Changes(self._bench)
        made = (changes.example(candidate, "validation") for candidate in found if not candidate.removed)
        rows = self.screen.validation(made)
        affordable = _VALIDATION_SHARE * trained
        cost = sum(len(row.input_ids) for row in rows) / max(1, len(rows))
        return evenly(rows, max(_MIN_VALIDATION_ROWS, int(affordable / max(1.0, cost))))

    def account(self) -> dict[str, dict[str, int]]:
        """Return the account of each kind of training row."""
        return {kind: kind_account(self._tallies[kind], pool) for kind, pool in self._pools.items()}

    def skipped(self) -> dict[str, dict[str, int]]:
        """Return for each kind why something gave no row."""
        return {kind: dict(sorted((+self._tallies[kind].skipped).items())) for kind in self._pools}

    def replayed(self) -> dict[str, Any]:
        """Return the account of general code, after `training`; nothing when none is wanted."""
        pool = self._pools.get(REPLAY)
        return {} if pool is None else {"replay": replay_account(Rows(pool.spill, pool.kept), self._general)}

    def infill(self) -> dict[str, Any]:
        """Return which tokens stand around gaps, after `training`; nothing without a row that has one."""
        pool = self._pools.get(Infill.kind)
        if pool is None or not pool.kept:
            return {}
        return infill_account(self._bench.tokenizer, self._bench.infill)

    def _share_of_all(self, kind: str) -> float:
        """Return the share of a kind in all that is trained on."""
        replay = self._settings.dataset.replay
        return replay if kind == REPLAY else self._shares[kind] * (1 - replay)

    def _read(self, material: Material, files: TrainingFiles) -> Past:
        """Return what may be learnt from; general code only when it is wanted."""
        past = Past.of(material, files, self._bench)
        if REPLAY not in self._builders:
            return past
        split = material.split
        paths = chain(*map(material.tree_paths, {material.training_cut, split.cut, split.tip}))
        heldout = SpansWithin(new_texts(material, self._bench.tokenizer, self._settings), THRESHOLD)
        general = self._general.files(own_names(self._bench.repository, paths))
        return replace(past, general=general, heldout=heldout)

    def _usable(self, builder: Builder, shop: Workshop, past: Past) -> Iterator[Example]:
        """Yield rows without loss on code that is known to be wrong, and none that is not worth learning."""
        for row, is_clean in shop.rows(builder, past):
            kept = self._guard.guarded(row)
            if kept is None:
                reason = "nothing but code that is known to be wrong"
            elif not is_clean and (hit := self.benchmarks.find(kept)) is not None:
                reason = f"repeats {hit.benchmark}"
            elif kept.id in self._dropped:
                reason = "dropped in review"
            else:
                reason = self._filters.reason(kept)
            if kept is not None and not reason:
                yield kept
            else:
                builder.skip(reason)
                builder.tally.tokens_dropped += len(row.input_ids)

    def _shortener(self, builder: Builder) -> Shorten:
        def shorten(row: Example, room: int) -> Example | None:
            short = builder.shorten(row, room)
            return None if short is None or short.id in self._dropped else self._guard.guarded(short)

        return shorten


def _check_kinds(wanted: Dataset) -> None:
    if wanted.kinds.get(REPLAY):
        raise UserMistake(
            "general code has a share of its own beside the kinds",
            f"dataset.kinds names {REPLAY}",
            f"set dataset.replay to {wanted.kinds[REPLAY]:g} instead",
        )
    made = {kind for kind, weight in wanted.kinds.items() if weight} | ({REPLAY} if wanted.replay else set())
    others = sorted(wanted.epochs.keys() - made)
    if others:
        raise UserMistake(
            f"epochs are of kinds that the dataset has: {', '.join(sorted(made))}",
            f"dataset.epochs names {', '.join(others)}",
            "mend dataset.epochs in inhouse.yaml",
        )
