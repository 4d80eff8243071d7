"""What an adapter is good and bad at: every suite, from the tasks to the results, each step an artefact.

    tasks of a suite -> answers (all arms) -> judgements -.
                     scores of the pipeline, prompted  ---+-> results -> gates, card

Answers and judgements are stages of their own: judging again, when a judge has changed, never generates.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from inhouse.errors import UserMistake
from inhouse.shards import read_records, write_json, write_records
from inhouse.workspace import Artefact, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from inhouse.config import Settings
    from inhouse.engines.base import Engine
    from inhouse.evaluation.arms import Arm, Bench
    from inhouse.evaluation.prompted import PromptText
    from inhouse.evaluation.tasks import Completion, Judgement, Suite, Task
    from inhouse.pipeline import Pipeline
    from inhouse.progress import Progress
    from inhouse.records import Item, Split
    from inhouse.reporting.card import Card, Measured, Sample
    from inhouse.retrieval.store import Index
    from inhouse.sandbox import Sandbox
    from inhouse.sources.git import Repository

__all__ = ["STAGES", "Examination", "Examined"]

_TENSORS = ("torch", "transformers", "peft")

PROMPTED = Stage(
    "prompted",
    1,
    ("evaluation.prompted", "evaluation.conventions", "evaluation.likelihood", "evaluation.arms", "engines"),
    _TENSORS,
)
GENERAL = Stage(
    "general", 1, ("evaluation.retention", "evaluation.likelihood", "evaluation.arms", "engines"), _TENSORS
)
ANSWERS = Stage(
    "answers",
    1,
    (
        "evaluation.generation",
        "evaluation.prompts",
        "evaluation.prompted",
        "evaluation.extraction",
        "evaluation.arms",
        "datasets.formats",
        "engines",
    ),
    _TENSORS,
)
JUDGEMENTS = Stage(
    "judgements",
    2,
    (
        "evaluation.suites",
        "evaluation.conventions",
        "evaluation.documents",
        "evaluation.invented",
        "evaluation.judging",
        "evaluation.leaks",
        "evaluation.mining.verify",
        "evaluation.pass_at_k",
        "evaluation.placed",
        "evaluation.static_checks",
        "evaluation.syntax",
        "sandbox",
    ),
)
STAGES = (PROMPTED, GENERAL, ANSWERS, JUDGEMENTS)

_JUDGED = "judged.json"
_PROMPT_SHARE = 0.25
"""Of the context, for conventions and examples."""

_SMOKE_TASKS = 8
"""Of each suite, with the budget smoke."""


@dataclass(frozen=True, slots=True)
class Examined:
    """How everything that was asked was judged, and which suites could not ask, with the reason."""

    judgements: list[Judgement]
    skipped: dict[str, str]


class Examination:
    """One adapter of a workspace before all suites. What a suite does not ask for is never made."""

    def __init__(
        self,
        pipeline: Pipeline,
        arms: Sequence[str] = (),
        *,
        limit: int | None = None,
        unsafe_local: bool = False,
    ) -> None:
        from inhouse.evaluation.arms import ARMS
        from inhouse.evaluation.prompted import PROMPTED_ARM

        self._pipeline = pipeline
        self._limit = limit
        self._unsafe_local = pipeline.unsafe_local = unsafe_local
        known = {arm.name: arm for arm in (ARMS[0], PROMPTED_ARM, *ARMS[1:])}
        unknown = [name for name in arms if name not in known]
        if unknown:
            raise UserMistake(f"the arms are {', '.join(known)}", unknown[0], "choose one of them")
        self._arms = [known[name] for name in arms or known]
        self._tasks: dict[str, tuple[Sequence[Task], str]] = {}

    # ------------------------------------------------------------ what a suite may look at (tasks.Project)

    @property
    def name(self) -> str:
        """Of the repository."""
        return self._pipeline.repository.name

    @property
    def repository(self) -> Repository:
        """The history itself."""
        return self._pipeline.repository

    @property
    def split(self) -> Split:
        """Where time is cut."""
        return self._pipeline.split

    @property
    def history(self) -> Path:
        """The folder of the history's artefact."""
        return self._pipeline.history.path

    @property
    def corpus(self) -> Path:
        """The folder of the corpus's artefact."""
        return self._pipeline.corpus.path

    @property
    def dataset(self) -> Path:
        """The folder of the dataset's artefact."""
        return self._pipeline.dataset.path

    @property
    def mined(self) -> Path | None:
        """The folder of the mined tasks, made anew when the repository or the settings have changed."""
        if self._pipeline.workspace.current("tasks") is None:
            return None
        return self._pipeline.mined.path

    @cached_property
    def index(self) -> Index:
        """Of the tree at the cut."""
        return self._pipeline.open_index("cut")

    @cached_property
    def settings(self) -> Settings:
        """Those that apply, with a number of tasks that suits the budget or was asked for."""
        settings = self._pipeline.settings
        most = self._limit or _SMOKE_TASKS if settings.budget == "smoke" else self._limit
        if most is None:
            return settings
        fewer = {"tasks": most, "sampled_tasks": min(most, settings.generation.sampled_tasks)}
        return settings.model_copy(update={"generation": settings.generation.model_copy(update=fewer)})

    @property
    def progress(self) -> Progress:
        """Where long work shows itself."""
        return self._pipeline.progress

    def sandbox(self) -> Sandbox:
        """Open the sandbox that this machine can give."""
        return self._sandbox

    @cached_property
    def _sandbox(self) -> Sandbox:
        from inhouse.sandbox import Sandbox

        return Sandbox.open(unsafe_local=self._unsafe_local)

    # ------------------------------------------------------------ all suites

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
                self.progress.say(f"{name} is left out: {mistake}")
        return Examined(judgements, skipped)

    def outcome(self, examined: Examined) -> dict[str, Any]:
        """Return what the judgements say, as plain values, with what they hang on."""
        from inhouse.evaluation.results import results

        arms = {one.arm for one in examined.judgements}
        return {
            "repository": self.name,
            "results": results(examined.judgements, self.settings.seed),
            "breakdown": self._breakdown() if _has_likelihood(examined) else {},
            "skipped": examined.skipped,
            "base_digest": self._pipeline.model.digest,
            "adapter_digest": self._pipeline.weights.digest if arms & {"tuned", "tuned_retrieval"} else "",
            "isolation": self.isolation,
            "seed": self.settings.seed,
        }

    def write(self, card: Card) -> tuple[Path, Path]:
        """Write the card's two pages beside the reports, and return where they are."""
        from inhouse.reporting.card import write_card

        return write_card(card, self._pipeline.workspace.folder / "reports")

    def card(self, examined: Examined) -> Card:
        """Return the page of the adapter that was examined: results, gates, advice, samples."""
        from inhouse.evaluation.advice import advise
        from inhouse.evaluation.gates import check_gates
        from inhouse.evaluation.results import results
        from inhouse.reporting.card import Card

        pipeline, gates = self._pipeline, self.settings.gates
        found = results(examined.judgements, self.settings.seed)
        return Card(
            repository=self.name,
            adapter=pipeline.adapter.name,
            adapter_digest=pipeline.adapter.digest,
            base=self.settings.model,
            base_digest=pipeline.model.digest,
            arm=gates.arm,
            seed=self.settings.seed,
            verdict=pipeline.scores.read_json("summary.json")["verdict"],
            results=found,
            gates=check_gates(found, gates),
            advice=advise(examined.judgements, gates.arm),
            breakdown=self._breakdown(),
            samples=self._samples(examined),
            titles={name: suite.title for name, suite in self._suites(examined).items()},
            measured={name: self._measured(name) for name in found},
            notes=[*self._notes(), *(f"{name}: {reason}" for name, reason in examined.skipped.items())],
        )

    def _breakdown(self) -> dict[str, Any]:
        """Return the likelihood taken apart: calibration, language, age, identifiers, drift."""
        from inhouse.evaluation.breakdown import breakdown, read_scored

        folders = self._pipeline.scores.path, self.dataset, self.history, self.corpus
        tokenizer = self._pipeline.tokenizer
        return breakdown(read_scored(*folders, self.split, tokenizer, self.settings.seed))

    def _notes(self) -> list[str]:
        from inhouse.evaluation.arms import RETRIEVED

        wanted = any(arm.text == RETRIEVED for arm in self._arms)
        if self._share or not wanted:
            return []
        return ["Retrieval is not used: no share of the context helped on the validation period."]

    def _samples(self, examined: Examined) -> list[Sample]:
        from inhouse.evaluation.pass_at_k import GREEDY
        from inhouse.reporting.card import card_samples

        shown: list[Sample] = []
        for name, suite in self._suites(examined).items():
            own = [one for one in examined.judgements if one.suite == name]
            if any(one.measure == GREEDY for one in own):
                shown += card_samples(
                    name, self.tasks(suite), self.answers(suite), own, GREEDY, self.settings.gates.arm
                )
        return shown

    def _suites(self, examined: Examined) -> dict[str, Suite]:
        from inhouse.evaluation.results import GENERAL_CODE, LIKELIHOOD
        from inhouse.evaluation.suites import find_suite

        names = dict.fromkeys(one.suite for one in examined.judgements)
        return {name: find_suite(name) for name in names if name not in (LIKELIHOOD, GENERAL_CODE)}

    def _measured(self, name: str) -> Measured:
        from inhouse.evaluation.results import GENERAL_CODE, LIKELIHOOD
        from inhouse.reporting.card import Measured

        scored = name in (LIKELIHOOD, GENERAL_CODE)
        can = (self._pipeline.engine if scored else self.engine).capabilities
        engine = "torch" if scored else self.settings.generation.engine
        return Measured(
            engine=f"{engine}, {can.device}, {can.dtype}",
            isolation="" if scored else self.isolation,
            date=f"{datetime.now(UTC):%Y-%m-%d}",
        )

    def names(self) -> list[str]:
        """Return the names of all suites, those that only score first."""
        from inhouse.evaluation.results import GENERAL_CODE, LIKELIHOOD
        from inhouse.evaluation.suites import all_suites

        return [LIKELIHOOD, GENERAL_CODE, *all_suites()]

    def _judgements_of(self, name: str) -> list[Judgement]:
        from inhouse.evaluation.results import GENERAL_CODE, LIKELIHOOD
        from inhouse.evaluation.suites import find_suite

        if name == LIKELIHOOD:
            return list(self.likelihood())
        if name == GENERAL_CODE:
            return list(self.general_code())
        return self.judgements(find_suite(name))

    # ------------------------------------------------------------ one suite

    def judgements(self, suite: Suite) -> list[Judgement]:
        """Return how a suite judges what all arms wrote. Raises UserMistake where it has nothing to ask."""
        from inhouse.evaluation.tasks import Judgement

        return list(read_records(self._judged(suite).path, "judgements", Judgement))

    def tasks(self, suite: Suite) -> Sequence[Task]:
        """Return what the suite asks, or what the suite asks whose answers it judges."""
        return self._asked(suite)[0]

    def answers(self, suite: Suite) -> list[Completion]:
        """Return what the arms wrote for the tasks that a suite judges."""
        from inhouse.evaluation.generation import written

        return written(self._answered(suite).path)

    def _asked(self, suite: Suite) -> tuple[Sequence[Task], str]:
        from inhouse.digests import digest_json
        from inhouse.evaluation.suites import find_suite

        if suite.answers_of not in self._tasks:
            tasks = find_suite(suite.answers_of).tasks(self)
            self._tasks[suite.answers_of] = tasks, digest_json([task.id for task in tasks])
        return self._tasks[suite.answers_of]

    def _answered(self, suite: Suite) -> Artefact:
        """Return what all arms wrote, judged for the first time while the next was written."""
        from inhouse.evaluation.arms import available
        from inhouse.evaluation.generation import generate_and_judge
        from inhouse.evaluation.suites import find_suite

        asked = find_suite(suite.answers_of)
        tasks, digest = self._asked(suite)
        texts = self._texts(tasks)
        arms = available(self._arms, texts)

        def work(folder: Path) -> None:
            bench = self._bench(folder, arms)
            generate_and_judge(
                bench, self, asked, tasks, arms, folder, texts=texts, model=self._pipeline.model.digest
            )
            write_json(folder / _JUDGED, self._judged_by())

        settings = {
            "suite": asked.name,
            "generation": self.settings.generation.model_dump(mode="json"),
            "context_tokens": self.settings.evaluation.context_tokens,
            "arms": [arm.name for arm in arms],
            "seed": self.settings.seed,
        }
        inputs = {"tasks": digest, "model": self._pipeline.model.digest, **self._inputs(arms)}
        return self._pipeline.build(ANSWERS, settings, inputs, work)

    def _judged(self, suite: Suite) -> Artefact:
        from inhouse.evaluation.tasks import Judgement

        answers = self._answered(suite)
        tasks, digest = self._asked(suite)

        def work(folder: Path) -> None:
            if suite.name == suite.answers_of and _judged_already(answers, self._judged_by()):
                found = list(read_records(answers.path, "judgements", Judgement))
            else:
                found = list(suite.judge(self, tasks, self.answers(suite)))
            found += self._beyond_answers(suite, folder)
            write_records(folder / "judgements.parquet", found, Judgement)

        settings = {"suite": suite.name, "execution": self.settings.execution.model_dump(mode="json")}
        inputs = {"answers": answers.digest, "tasks": digest}
        return self._pipeline.build(JUDGEMENTS, {**settings, **self._judged_by()}, inputs, work)

    def _beyond_answers(self, suite: Suite, folder: Path) -> list[Judgement]:
        """Return what a suite asks of the weights themselves, or of how another suite judged."""
        from inhouse.evaluation.suites import cost, execution, leaks

        if suite.name == leaks.SUITE.name:
            return list(leaks.ask_models(self, self._bench(folder, self._arms), self._arms))
        if suite.name == cost.SUITE.name:
            executed = self.judgements(execution.SUITE)
            return list(cost.worth(self.tasks(suite), self.answers(suite), executed))
        return []

    def _judged_by(self) -> dict[str, Any]:
        """Return what a judgement hangs on besides the answers: a suite that runs code says where it ran."""
        return {"version": JUDGEMENTS.version, "isolation": self.isolation}

    @cached_property
    def isolation(self) -> str:
        """The isolation level that stands beside every number; "none" on a machine without a sandbox."""
        try:
            return self.sandbox().isolation
        except UserMistake:
            return "none"

    # ------------------------------------------------------------ arms

    @cached_property
    def engine(self) -> Engine:
        """What writes: torch, or llama.cpp with a quantized file."""
        if self.settings.generation.engine == "torch":
            return self._pipeline.engine
        from inhouse.engines.llama_cpp import LlamaCppEngine

        return LlamaCppEngine(self._pipeline.model, self._pipeline.tokenizer)

    @cached_property
    def _adapter(self) -> str:
        """The name under which the engine has loaded the tuned weights."""
        if self.engine is self._pipeline.engine:
            return self._pipeline.loaded_adapter
        weights = self._pipeline.weights
        self.engine.load_adapter(weights.digest, weights.path / "adapter")
        return weights.digest

    def _bench(self, folder: Path, arms: Sequence[Arm]) -> Bench:
        from inhouse.evaluation.arms import Bench

        return Bench(
            engine=self.engine,
            tokenizer=self._pipeline.tokenizer,
            adapter=self._adapter if any(arm.tuned for arm in arms) else "",
            repository=self.name,
            context_tokens=self.settings.evaluation.context_tokens,
            seed=self.settings.seed,
            folder=folder,
            progress=self.progress,
        )

    def _inputs(self, arms: Sequence[Arm]) -> dict[str, str]:
        """Return the digests of what stands behind the arms, weights and retrieved text."""
        inputs = {}
        if any(arm.tuned for arm in arms):
            inputs["weights"] = self._pipeline.weights.digest
        if any(arm.text for arm in arms):
            inputs |= {"indexes": self._pipeline.indexes.digest, "share": str(self._share)}
        return inputs

    def _texts(self, tasks: Sequence[Task]) -> dict[str, Callable[[Item], str]]:
        """Return what arms put before a file; nothing where no task is of the repository."""
        from inhouse.evaluation.arms import RETRIEVED, Retriever
        from inhouse.evaluation.prompted import PROMPTED as CONVENTIONS
        from inhouse.evaluation.prompts import ABOUT_REPOSITORY

        texts: dict[str, Callable[[Item], str]] = {}
        wanted = (
            {arm.text for arm in self._arms}
            if any(task.kind in ABOUT_REPOSITORY for task in tasks)
            else set()
        )
        if RETRIEVED in wanted and self._share:
            texts[RETRIEVED] = Retriever(
                self.index, self._bench(self._pipeline.workspace.folder, ()), self._share
            )
        if CONVENTIONS in wanted:
            texts[CONVENTIONS] = self.prompt_text
        return texts

    @cached_property
    def _share(self) -> float:
        """Of the context, for retrieved text: what the validation period showed best."""
        return float(self._pipeline.scores.read_json("summary.json")["retrieval_share"])

    @cached_property
    def prompt_text(self) -> PromptText:
        """Conventions and examples of the tree at the cut."""
        from inhouse.evaluation.conventions import profile
        from inhouse.evaluation.placed import tree_at_cut
        from inhouse.evaluation.prompted import PromptText, example_functions

        files = list(tree_at_cut(self))
        room = int(_PROMPT_SHARE * self.settings.evaluation.context_tokens)
        examples = example_functions(files, self.settings.seed)
        return PromptText(profile(files), examples, self._pipeline.tokenizer, room)

    # ------------------------------------------------------------ likelihood

    def likelihood(self) -> Iterator[Judgement]:
        """Yield the comparison's scores as judgements, with those of the prompted arm beside them."""
        from inhouse.evaluation.results import LIKELIHOOD, likelihood_judgements

        found = likelihood_judgements(self._pipeline.scores.path, self.dataset)
        yield from (one for one in found if one.suite == LIKELIHOOD)
        if any(arm.name == "prompted" for arm in self._arms):
            yield from likelihood_judgements(self._prompted.path, self.dataset)

    def general_code(self) -> Iterator[Judgement]:
        """Yield base and tuned on general code: on as much as the gate asks for, if the budget allows it."""
        from inhouse.evaluation.results import GENERAL_CODE, likelihood_judgements

        small = self.settings.budget == "smoke"
        folder = self._pipeline.scores.path if small else self._general.path
        yield from (one for one in likelihood_judgements(folder) if one.suite == GENERAL_CODE)

    @property
    def _general(self) -> Artefact:
        from inhouse.evaluation.arms import ARMS
        from inhouse.evaluation.retention import repository_copies, score_general

        tokens = self.settings.gates.general_tokens

        def work(folder: Path) -> None:
            score_general(self._bench(folder, ARMS), repository_copies(self.dataset), tokens)

        inputs = {
            "dataset": self._pipeline.dataset.digest,
            "weights": self._pipeline.weights.digest,
            "model": self._pipeline.model.digest,
        }
        return self._pipeline.build(GENERAL, {"tokens": tokens, "seed": self.settings.seed}, inputs, work)

    @property
    def _prompted(self) -> Artefact:
        """The scores of the prompted arm on the items that the other arms were scored on."""
        from inhouse.evaluation.prompted import score_prompted
        from inhouse.records import Item, Score

        scores = self._pipeline.scores

        def work(folder: Path) -> None:
            items = {item.id: item for item in read_records(self.dataset, "items", Item)}
            scored = dict.fromkeys(score.item for score in read_records(scores.path, "scores", Score))
            score_prompted(self._bench(folder, ()), [items[name] for name in scored], self.prompt_text)

        settings = {
            "evaluation": self.settings.evaluation.model_dump(mode="json"),
            "seed": self.settings.seed,
        }
        inputs = {"scores": scores.digest, "corpus": self._pipeline.corpus.digest}
        return self._pipeline.build(PROMPTED, settings, inputs, work)


def _has_likelihood(examined: Examined) -> bool:
    from inhouse.evaluation.results import LIKELIHOOD

    return any(one.suite == LIKELIHOOD for one in examined.judgements)


def _judged_already(answers: Artefact, now: dict[str, Any]) -> bool:
    return (answers.path / _JUDGED).exists() and answers.read_json(_JUDGED) == now
