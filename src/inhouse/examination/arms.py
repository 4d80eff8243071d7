"""Who answers: the arms that were asked for, with what, and what each puts before a file."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from inhouse.engines.base import Engine
    from inhouse.evaluation.arms import Arm, Bench, Retriever
    from inhouse.evaluation.prompted import PromptText
    from inhouse.evaluation.tasks import Task
    from inhouse.examination.view import View
    from inhouse.pipeline import Pipeline

__all__ = ["Arms", "find_arms"]

_PROMPT_SHARE = 0.25
"""Of the context, for conventions and examples."""


def find_arms(names: Sequence[str]) -> list[Arm]:
    """Return the arms that are named, all where none is. Raises UserMistake for an unknown name."""
    from inhouse.evaluation.arms import ARMS
    from inhouse.evaluation.prompted import PROMPTED_ARM

    known = {arm.name: arm for arm in (ARMS[0], PROMPTED_ARM, *ARMS[1:])}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UserMistake(f"the arms are {', '.join(known)}", unknown[0], "choose one of them")
    return [known[name] for name in names or known]


class Arms:
    """The arms of an examination, and the benches that they are measured on."""

    def __init__(self, pipeline: Pipeline, view: View, arms: Sequence[Arm]) -> None:
        self._pipeline = pipeline
        self._view = view
        self.asked = arms

    @cached_property
    def engine(self) -> Engine:
        """What writes: torch, or llama.cpp with a quantized file."""
        if self._view.settings.generation.engine == "torch":
            return self._pipeline.engine
        from inhouse.engines.llama_cpp import LlamaCppEngine

        return LlamaCppEngine(self._pipeline.model, self._pipeline.tokenizer)

    def writer(self, folder: Path, arms: Sequence[Arm]) -> Bench:
        """Return the bench of what writes."""
        adapter = self._adapter if any(arm.tuned for arm in arms) else ""
        return self._bench(self.engine, adapter, folder)

    def scorer(self, folder: Path, arms: Sequence[Arm]) -> Bench:
        """Return the bench of what scores: always torch, because llama.cpp only writes."""
        adapter = self._pipeline.loaded_adapter if any(arm.tuned for arm in arms) else ""
        return self._bench(self._pipeline.engine, adapter, folder)

    def inputs(self, arms: Sequence[Arm]) -> dict[str, str]:
        """Return the digests of what stands behind the arms, weights and retrieved text."""
        inputs = {}
        if any(arm.tuned for arm in arms):
            inputs["weights"] = self._pipeline.weights.digest
        if any(arm.text for arm in arms):
            inputs |= {"indexes": self._pipeline.indexes.digest, "share": str(self.share)}
        return inputs

    def texts_for(self, tasks: Sequence[Task]) -> frozenset[str]:
        """Return what arms may put before a file; nothing where no task is of the repository."""
        from inhouse.evaluation.prompts import ABOUT_REPOSITORY

        return self.texts if any(task.kind in ABOUT_REPOSITORY for task in tasks) else frozenset()

    @property
    def texts(self) -> frozenset[str]:
        """What arms may put before a file of the repository."""
        from inhouse.evaluation.arms import RETRIEVED

        wanted = {arm.text for arm in self.asked if arm.text}
        return frozenset(wanted if RETRIEVED not in wanted or self.share else wanted - {RETRIEVED})

    def made(self, texts: Collection[str]) -> dict[str, Retriever | PromptText]:
        """Make what arms put before a file: this needs the tree and the engine."""
        from inhouse.evaluation.arms import RETRIEVED, Retriever
        from inhouse.evaluation.prompted import PROMPTED as CONVENTIONS

        made: dict[str, Retriever | PromptText] = {}
        if RETRIEVED in texts:
            bench = self.writer(self._pipeline.workspace.folder, ())
            made[RETRIEVED] = Retriever(self._view.index, bench, self.share)
        if CONVENTIONS in texts:
            made[CONVENTIONS] = self.prompt_text
        return made

    @cached_property
    def share(self) -> float:
        """Of the context, for retrieved text: what the validation period showed best."""
        return float(self._pipeline.scores.read_json("summary.json")["retrieval_share"])

    @cached_property
    def prompt_text(self) -> PromptText:
        """Conventions and examples of the tree at the cut."""
        from inhouse.evaluation.conventions import profile
        from inhouse.evaluation.newer import example_passages
        from inhouse.evaluation.placed import tree_at_cut
        from inhouse.evaluation.prompted import PromptText, example_functions

        files, settings = tree_at_cut(self._view), self._view.settings
        room = int(_PROMPT_SHARE * settings.evaluation.context_tokens)
        examples = example_functions(files, settings.seed) | example_passages(files, settings.seed)
        return PromptText(profile(files), examples, self._pipeline.tokenizer, room)

    @cached_property
    def _adapter(self) -> str:
        """The name under which the engine that writes has loaded the tuned weights."""
        if self.engine is self._pipeline.engine:
            return self._pipeline.loaded_adapter
        weights = self._pipeline.weights
        self.engine.load_adapter(weights.digest, weights.path / "adapter")
        return weights.digest

    def _bench(self, engine: Engine, adapter: str, folder: Path) -> Bench:
        from inhouse.evaluation.arms import Bench

        settings = self._view.settings
        return Bench(
            engine=engine,
            tokenizer=self._pipeline.tokenizer,
            adapter=adapter,
            repository=self._view.name,
            context_tokens=settings.evaluation.context_tokens,
            seed=settings.seed,
            folder=folder,
            progress=self._view.progress,
        )
