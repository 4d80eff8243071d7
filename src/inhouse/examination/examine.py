"""One adapter of a workspace before the suites: which are run, what they say, and what they could not ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inhouse.errors import UserMistake
from inhouse.examination.arms import Arms, find_arms
from inhouse.examination.card import Cards
from inhouse.examination.scored import Scored
from inhouse.examination.view import View
from inhouse.examination.written import Written

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from inhouse.evaluation.tasks import Judgement, Suite
    from inhouse.pipeline import Pipeline
    from inhouse.reporting.card import Card

__all__ = ["Examination", "Examined"]


@dataclass(frozen=True, slots=True)
class Examined:
    """How everything that was asked was judged, and which suites could not ask, with the reason."""

    judgements: list[Judgement]
    skipped: dict[str, str]


class Examination:
    """All suites, or some. What a suite does not ask for is never made."""

    def __init__(
        self,
        pipeline: Pipeline,
        arms: Sequence[str] = (),
        *,
        limit: int | None = None,
        unsafe_local: bool = False,
    ) -> None:
        self._pipeline = pipeline
        self.view = View(pipeline, limit=limit, unsafe_local=unsafe_local)
        self.arms = Arms(pipeline, self.view, find_arms(arms))
        self.written = Written(pipeline, self.view, self.arms)
        self.scored = Scored(pipeline, self.view, self.arms)
        self._cards = Cards(pipeline, self.view, self.arms, self.written)
        self._missing: dict[str, str] = {}  # parts of suites that had nothing to ask, with the reason

    def examine(self, names: Sequence[str] = ()) -> Examined:
        """Run the suites that are named, or all that this workspace can run.

        A suite that is named and cannot run raises UserMistake; of all suites, those that cannot are listed.
        """
        judgements: list[Judgement] = []
        skipped: dict[str, str] = {}
        for name in names or self.names():
            try:
                judgements += self._judgements_of(name)
            except UserMistake as mistake:
                if names:
                    raise
                skipped[name] = str(mistake)
                self.view.progress.say(f"{name} is left out: {mistake}")
        return Examined(judgements, {**skipped, **self._missing})

    def outcome(self, examined: Examined) -> dict[str, Any]:
        """Return what the judgements say, as plain values, with what they hang on."""
        from inhouse.evaluation.results import LIKELIHOOD, results

        arms = {one.arm for one in examined.judgements}
        scored = any(one.suite == LIKELIHOOD for one in examined.judgements)
        seed = self.view.settings.seed
        return {
            "repository": self.view.name,
            "results": results(examined.judgements, seed),
            "breakdown": self._cards.breakdown() if scored else {},
            "skipped": examined.skipped,
            "base_digest": self._pipeline.model.digest,
            "adapter_digest": self._pipeline.weights.digest if arms & {"tuned", "tuned_retrieval"} else "",
            "isolation": self.view.isolation,
            "seed": seed,
        }

    def card(self, examined: Examined, *, samples: bool = True) -> Card:
        """Return the page of the adapter that was examined: results, gates, advice, and samples if wished."""
        return self._cards.card(examined, samples=samples)

    def write(self, card: Card) -> tuple[Path, Path]:
        """Write the card's two pages beside the reports, and return where they are."""
        from inhouse.reporting.card import write_card

        return write_card(card, self._pipeline.workspace.folder / "reports")

    def names(self) -> list[str]:
        """Return the names of all suites, those that only score first."""
        from inhouse.evaluation.results import GENERAL_CODE, LIKELIHOOD
        from inhouse.evaluation.suites import all_suites

        return [LIKELIHOOD, GENERAL_CODE, *all_suites()]

    def _judgements_of(self, name: str) -> list[Judgement]:
        from inhouse.evaluation.results import GENERAL_CODE, LIKELIHOOD
        from inhouse.evaluation.suites import documents, find_suite, leaks

        if name == LIKELIHOOD:
            return list(self.scored.likelihood())
        if name == GENERAL_CODE:
            return list(self.scored.general_code())
        if name == documents.SUITE.name:
            return self._documents(documents.SUITE)
        if name == leaks.SUITE.name:
            return self._leaks(leaks.SUITE)
        return self.written.judgements(find_suite(name))

    def _documents(self, suite: Suite) -> list[Judgement]:
        """Return questions and newer documents together: what one of them lacks is told, and no mistake."""
        newer, reason = self.scored.newer_documents()
        if reason:
            self._miss("newer documents", reason)
        try:
            return [*self.written.judgements(suite), *newer]
        except UserMistake as mistake:
            if not newer:
                raise
            self._miss("questions to the documents", str(mistake))
            return newer

    def _leaks(self, suite: Suite) -> list[Judgement]:
        """Return what answers give away, and what the weights know; canaries need no answers."""
        try:
            found = self.written.judgements(suite)
        except UserMistake as mistake:
            if not self.view.settings.dataset.canaries:
                raise
            self._miss("leaks in answers", str(mistake))
            found = []
        return [*found, *self.scored.known()]

    def _miss(self, part: str, reason: str) -> None:
        self._missing[part] = reason
        self.view.progress.say(f"{part}: {reason}")
