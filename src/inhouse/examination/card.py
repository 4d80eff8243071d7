"""The page of an adapter that was examined: results, gates, advice, samples, and how it was measured."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inhouse.evaluation.tasks import Suite
    from inhouse.examination.arms import Arms
    from inhouse.examination.examine import Examined
    from inhouse.examination.view import View
    from inhouse.examination.written import Written
    from inhouse.pipeline import Pipeline
    from inhouse.reporting.card import Card, Measured, Sample

__all__ = ["Cards"]


class Cards:
    """Makes pages of what was examined; nothing is measured here."""

    def __init__(self, pipeline: Pipeline, view: View, arms: Arms, written: Written) -> None:
        self._pipeline = pipeline
        self._view = view
        self._arms = arms
        self._written = written

    def card(self, examined: Examined, *, samples: bool = True) -> Card:
        """Return the page, without `samples` one that shows no code."""
        from inhouse.evaluation.advice import advise
        from inhouse.evaluation.gates import check_gates
        from inhouse.evaluation.results import results
        from inhouse.reporting.card import Card

        pipeline, settings = self._pipeline, self._view.settings
        found = results(examined.judgements, settings.seed)
        return Card(
            repository=self._view.name,
            adapter=pipeline.adapter.name,
            adapter_digest=pipeline.adapter.digest,
            base=settings.model,
            base_digest=pipeline.model.digest,
            arm=settings.gates.arm,
            seed=settings.seed,
            verdict=pipeline.scores.read_json("summary.json")["verdict"],
            results=found,
            gates=check_gates(found, settings.gates),
            advice=advise(examined.judgements, settings.gates.arm),
            breakdown=self.breakdown(),
            samples=self._samples(examined) if samples else [],
            titles={name: suite.title for name, suite in _suites(examined).items()},
            measured={name: self._measured(name) for name in found},
            notes=[*self._notes(), *(f"{name}: {reason}" for name, reason in examined.skipped.items())],
        )

    def breakdown(self) -> dict[str, Any]:
        """Return the likelihood taken apart: calibration, language, age, identifiers, drift."""
        from inhouse.evaluation.breakdown import breakdown, read_scored

        view = self._view
        folders = self._pipeline.scores.path, view.dataset, view.history, view.corpus
        return breakdown(read_scored(*folders, view.split, self._pipeline.tokenizer, view.settings.seed))

    def _notes(self) -> list[str]:
        from inhouse.evaluation.arms import RETRIEVED

        wanted = any(arm.text == RETRIEVED for arm in self._arms.asked)
        if self._arms.share or not wanted:
            return []
        return ["Retrieval is not used: no share of the context helped on the validation period."]

    def _samples(self, examined: Examined) -> list[Sample]:
        from inhouse.evaluation.pass_at_k import GREEDY
        from inhouse.reporting.card import card_samples

        shown: list[Sample] = []
        for name, suite in _suites(examined).items():
            own = [one for one in examined.judgements if one.suite == name]
            if any(one.measure == GREEDY for one in own):
                tasks, answers = self._written.tasks(suite), self._written.answers(suite)
                shown += card_samples(name, tasks, answers, own, GREEDY, self._view.settings.gates.arm)
        return shown

    def _measured(self, name: str) -> Measured:
        from inhouse.evaluation.results import GENERAL_CODE, LIKELIHOOD
        from inhouse.reporting.card import Measured

        scored = name in (LIKELIHOOD, GENERAL_CODE)
        can = (self._pipeline.engine if scored else self._arms.engine).capabilities
        engine = "torch" if scored else self._view.settings.generation.engine
        return Measured(
            engine=f"{engine}, {can.device}, {can.dtype}",
            isolation="" if scored else self._view.isolation,
            date=f"{datetime.now(UTC):%Y-%m-%d}",
        )


def _suites(examined: Examined) -> dict[str, Suite]:
    from inhouse.evaluation.results import GENERAL_CODE, LIKELIHOOD
    from inhouse.evaluation.suites import find_suite

    names = dict.fromkeys(one.suite for one in examined.judgements)
    return {name: find_suite(name) for name in names if name not in (LIKELIHOOD, GENERAL_CODE)}
