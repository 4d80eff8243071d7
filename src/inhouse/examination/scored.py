"""What is read off the weights without an answer: likelihood of code and prose, and secrets they know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.errors import UserMistake
from inhouse.examination.stages import GENERAL, KNOWN, NEWER, PROMPTED
from inhouse.shards import read_records, write_records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from inhouse.evaluation.tasks import Judgement
    from inhouse.examination.arms import Arms
    from inhouse.examination.view import View
    from inhouse.pipeline import Pipeline
    from inhouse.workspace import Artefact

__all__ = ["Scored"]


class Scored:
    """Judgements of suites that only score."""

    def __init__(self, pipeline: Pipeline, view: View, arms: Arms) -> None:
        self._pipeline = pipeline
        self._view = view
        self._arms = arms

    def likelihood(self) -> Iterator[Judgement]:
        """Yield the comparison's scores as judgements, with those of the prompted arm beside them."""
        from inhouse.evaluation.results import LIKELIHOOD, likelihood_judgements

        found = likelihood_judgements(self._pipeline.scores.path, self._view.dataset)
        yield from (one for one in found if one.suite == LIKELIHOOD)
        if any(arm.name == "prompted" for arm in self._arms.asked):
            yield from likelihood_judgements(self._prompted.path, self._view.dataset)

    def general_code(self) -> Iterator[Judgement]:
        """Yield base and tuned on general code: on as much as the gate asks for, if the budget allows it."""
        from inhouse.evaluation.results import GENERAL_CODE, likelihood_judgements

        small = self._view.settings.budget == "smoke"
        folder = self._pipeline.scores.path if small else self._general.path
        yield from (one for one in likelihood_judgements(folder) if one.suite == GENERAL_CODE)

    def newer_documents(self) -> tuple[list[Judgement], str]:
        """Return how likely all arms find prose that came after the cut, or nothing and why there is none."""
        from inhouse.evaluation.newer import newer_items, why_none
        from inhouse.evaluation.suites import documents

        try:
            if not newer_items(self._view.dataset, 1, 0):
                return [], why_none(self._view.dataset)
            return list(documents.newer_documents(self._newer.path, self._view.dataset)), ""
        except UserMistake as mistake:  # there may still be documents to ask about
            return [], str(mistake)

    def known(self) -> list[Judgement]:
        """Return what the weights know of secrets that were removed, and of canaries that were planted."""
        from inhouse.datasets.canaries import planted_canaries
        from inhouse.evaluation.suites.leaks import ask_models
        from inhouse.evaluation.tasks import Judgement

        settings = self._view.settings
        arms = [arm for arm in self._arms.asked if not arm.text]
        planted = planted_canaries(self._view.dataset) if settings.dataset.canaries else ()

        def work(folder: Path) -> None:
            found = ask_models(self._view, self._arms.scorer(folder, arms), arms, planted)
            write_records(folder / "judgements.parquet", found, Judgement)

        inputs = {
            "corpus": self._pipeline.corpus.digest,
            "model": self._pipeline.model.digest,
            **self._arms.inputs(arms),
            **({"dataset": self._pipeline.dataset.digest} if planted else {}),
        }
        asked = {"arms": [arm.name for arm in arms], "seed": settings.seed}
        artefact = self._pipeline.build(KNOWN, asked, inputs, work)
        return list(read_records(artefact.path, "judgements", Judgement))

    @property
    def _general(self) -> Artefact:
        from inhouse.evaluation.arms import ARMS
        from inhouse.evaluation.retention import repository_copies, score_general

        tokens = self._view.settings.gates.general_tokens

        def work(folder: Path) -> None:
            score_general(self._arms.scorer(folder, ARMS), repository_copies(self._view.dataset), tokens)

        inputs = {
            "dataset": self._pipeline.dataset.digest,
            "weights": self._pipeline.weights.digest,
            "model": self._pipeline.model.digest,
        }
        settings = {"tokens": tokens, "seed": self._view.settings.seed}
        return self._pipeline.build(GENERAL, settings, inputs, work)

    @property
    def _prompted(self) -> Artefact:
        """The scores of the prompted arm on the items that the other arms were scored on."""
        from inhouse.evaluation.prompted import score_prompted
        from inhouse.records import Item, Score

        scores = self._pipeline.scores

        def work(folder: Path) -> None:
            items = {item.id: item for item in read_records(self._view.dataset, "items", Item)}
            scored = dict.fromkeys(score.item for score in read_records(scores.path, "scores", Score))
            bench = self._arms.scorer(folder, ())
            score_prompted(bench, [items[name] for name in scored], self._arms.prompt_text)

        settings = {
            "evaluation": self._view.settings.evaluation.model_dump(mode="json"),
            "seed": self._view.settings.seed,
        }
        inputs = {"scores": scores.digest, "corpus": self._pipeline.corpus.digest}
        return self._pipeline.build(PROMPTED, settings, inputs, work)

    @property
    def _newer(self) -> Artefact:
        """The scores of all arms on prose that came after the cut."""
        from inhouse.evaluation.arms import available
        from inhouse.evaluation.newer import newer_items, score_newer

        view, seed = self._view, self._view.settings.seed
        texts = self._arms.texts
        arms = available(self._arms.asked, texts)

        def work(folder: Path) -> None:
            items = newer_items(view.dataset, view.limit, seed)
            score_newer(self._arms.scorer(folder, arms), items, arms, self._arms.made(texts))

        settings = {
            "evaluation": view.settings.evaluation.model_dump(mode="json"),
            "arms": [arm.name for arm in arms],
            "limit": view.limit,
            "seed": seed,
        }
        inputs = {
            "dataset": self._pipeline.dataset.digest,
            "corpus": self._pipeline.corpus.digest,
            "model": self._pipeline.model.digest,
            **self._arms.inputs(arms),
        }
        return self._pipeline.build(NEWER, settings, inputs, work)
