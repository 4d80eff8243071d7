"""The journey of a repository, stage by stage: each property is built when it is first asked for.

    history -> corpus -> indexes ------------------.
                  \\-> dataset -> plan -> weights -> scores -> adapter -> report

Every stage is skipped when its artefact is present, so that a killed command, run again, goes on.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from contextlib import ExitStack
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from inhouse.config import BUDGETS
from inhouse.digests import digest_file, digest_json
from inhouse.errors import UserMistake
from inhouse.measure import measured
from inhouse.records import Recipe, Split
from inhouse.shards import write_json
from inhouse.workspace import MEASURED, Artefact, Stage, Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from inhouse.config import Settings
    from inhouse.engines.base import Engine
    from inhouse.models.resolve import BaseModel
    from inhouse.models.tokenizer import Tokenizer
    from inhouse.progress import Progress
    from inhouse.records import Tag
    from inhouse.registry.adapters import Adapter
    from inhouse.retrieval.index import Index
    from inhouse.retrieval.places import Address
    from inhouse.sources.git import Repository
    from inhouse.training.trainer import Options

__all__ = ["STAGES", "Pipeline"]

_GRAMMARS = (
    "tree-sitter",
    "tree-sitter-c",
    "tree-sitter-cpp",
    "tree-sitter-go",
    "tree-sitter-java",
    "tree-sitter-javascript",
    "tree-sitter-python",
    "tree-sitter-rust",
    "tree-sitter-typescript",
)
_TENSORS = ("torch", "transformers", "peft")
_COMPARISON = tuple(
    f"evaluation.{module}"
    for module in (
        "answers",
        "arms",
        "compare",
        "likelihood",
        "measures",
        "retention",
        "sampling",
        "shares",
        "significance",
        "statements",
        "statistics",
        "summary",
        "verdict",
        "wording",
    )
)

HISTORY = Stage(
    "history",
    8,
    (
        "sources",
        "datasets.releases",
        "datasets.split",
        "languages.detect",
        "hygiene.generated",
        "hygiene.patterns",
        "hygiene.vendored",
    ),
)
CORPUS = Stage("corpus", 5, ("hygiene",), ("google-re2", "rensa"))
INDEX = Stage("index", 14, ("retrieval", "languages"), ("apsw", *_GRAMMARS))
DATASET = Stage(
    "dataset",
    13,
    (
        "datasets",
        "languages",
        "hygiene.corpus",
        "hygiene.duplicates",
        "hygiene.redaction",
        "hygiene.rules",
        "hygiene.secrets",
        "models",
        "sources.history",
    ),
    (*_GRAMMARS, "google-re2"),
)
PLAN = Stage("plan", 5, ("planning",))
_TRAINING = ("training", "evaluation.retention", "datasets.formats")
WEIGHTS = Stage("weights", 5, _TRAINING, (*_TENSORS, "trl", "accelerate"))
SWEEP = Stage("sweep", 3, _TRAINING, (*_TENSORS, "trl", "accelerate"))
SCORES = Stage(
    "scores",
    17,
    (*_COMPARISON, "engines", "retrieval", "datasets.formats", "datasets.offered"),
    _TENSORS,
)
TASKS = Stage("tasks", 9, ("evaluation.mining", "sandbox.checks", "sandbox.inside", "languages"), _GRAMMARS)
STAGES = (HISTORY, CORPUS, INDEX, DATASET, PLAN, WEIGHTS, SWEEP, SCORES, TASKS)


class Pipeline:
    """One repository, one workspace, one set of settings. Raises UserMistake for an unknown method."""

    def __init__(
        self, repository: Repository, workspace: Workspace, settings: Settings, progress: Progress
    ) -> None:
        self.repository = repository
        self.workspace = workspace
        self.settings = settings
        self.progress = progress
        self.resume = False  # a training that was begun with other settings is refused only when a user asks
        self.unsafe_local = False  # tasks are mined without isolation only when a user said so
        if settings.training.method is not None:
            from inhouse.training.method import find_method

            find_method(settings.training.method)  # a name that does not exist is said before any work

    # ------------------------------------------------------------ what is there to learn from?

    @cached_property
    def history(self) -> Artefact:
        """Commits, changes, and the trees at the cuts in time."""
        from inhouse.datasets.releases import is_release
        from inhouse.datasets.split import choose_split
        from inhouse.sources.history import write_history

        settings = self.settings.split.of(self.repository.name)
        inputs = {"repository": self.repository.state}
        tags: list[Tag] = []
        if settings.releases is not None:  # else a new tag changes nothing
            tags = [tag for tag in self.repository.tags() if is_release(tag.name)]
            inputs["releases"] = digest_json([[tag.name, tag.commit] for tag in tags])

        def work(folder: Path) -> None:
            unmerged = self.repository.unmerged(tag.commit for tag in tags)
            choose = partial(choose_split, settings=settings, tags=tags, unmerged=unmerged)
            write_history(self.repository, self.settings.sources, choose, folder, self.progress)

        wanted = {"sources": _plain(self.settings.sources), "split": _plain(settings)}
        return self.build(HISTORY, wanted, inputs, work)

    @cached_property
    def split(self) -> Split:
        """Where time is cut."""
        return Split(**self.history.read_json("split.json"))

    @cached_property
    def corpus(self) -> Artefact:
        """Clean documents, with a reason for everything removed."""
        from inhouse.hygiene.corpus import write_corpus
        from inhouse.hygiene.secrets import SecretScanner
        from inhouse.sources.git import Repository

        def work(folder: Path) -> None:
            write_corpus(
                Repository.open,
                self.repository.path,
                self.history.path,
                self.settings.hygiene,
                self.settings.sources,
                self.repository.name,
                folder,
                self.workers,
                self.progress,
            )

        rules = SecretScanner(self.settings.hygiene.rules).digest
        settings = {
            "sources": _plain(self.settings.sources),
            "near_duplicate": self.settings.hygiene.near_duplicate,
            "rules": rules,
            "name": self.repository.name,
        }
        return self.build(CORPUS, settings, {"history": self.history.digest}, work)

    # ------------------------------------------------------------ retrieval

    @cached_property
    def indexes(self) -> Artefact:
        """The trees at the validation cut, at the cut and at the tip, each searchable by itself."""
        split = self.split
        wanted = {"validation": split.validation_cut, "cut": split.cut, "tip": split.tip}
        if split.cut == split.tip:
            del wanted["cut"]  # nothing is held out of it

        def work(folder: Path) -> None:
            state = {
                name: self._update_index(name, revision) for name, revision in wanted.items() if revision
            }
            write_json(folder / "indexes.json", state)

        inputs = {"history": self.history.digest, "corpus": self.corpus.digest}
        settings = {"chunking": self.settings.retrieval.chunking}
        artefact = self.build(INDEX, settings, inputs, work)
        for name, state in artefact.read_json("indexes.json").items():
            if not self._index_is(
                name, state["digest"]
            ):  # another revision was indexed since, or it was deleted
                self._update_index(name, wanted[name])
        self._embed()
        return artefact

    def _embed(self) -> None:
        """Make the vectors that the index at the tip lacks; without their source it answers by words."""
        from inhouse.retrieval.index import Index
        from inhouse.retrieval.vectors import VectorsUnavailable, open_source

        source = open_source(self.settings.retrieval.vectors)
        if source is None:
            return
        with Index.open(self._index_place("tip"), vectors=source) as index:
            counts = index.store.counts()
            lacking = counts["chunks"] - counts["vectors"]
            try:
                with self.progress.task("vectors", lacking, unit="chunks") as task:
                    index.embed(task)
            except VectorsUnavailable as error:
                self.progress.warn(f"{error} Until then the index answers by words.")

    def open_index(self, name: str) -> Index:
        """Open an index for reading: "validation", "cut" or "tip"."""
        from inhouse.retrieval.index import Index

        assert self.indexes  # noqa: S101 - built before it is opened
        return Index.open(self._index_place(name))

    def _update_index(self, name: str, revision: str) -> dict[str, Any]:
        from inhouse.hygiene.corpus import Corpus
        from inhouse.retrieval.index import Index

        corpus = Corpus(self.corpus.path)
        files = corpus.files(self.history.path, revision)
        allowed = {file.path: file for file in files if "index" not in file.forbids}
        left_out = Counter(file.removed for file in files if "index" in file.forbids)
        with Index.open(self._index_place(name), self.settings.retrieval.chunking) as index:
            self._begin_update(index)
            stale, gone = index.differences({path: file.document for path, file in allowed.items()})
            texts = corpus.texts(allowed[path] for path in stale)
            changed = ((path, document.digest, document.text) for path, document in texts)
            with self.progress.task(f"index at the {name}", len(stale), unit="files") as task:
                index.apply(changed, gone, task, workers=self.workers)
            status = index.status() | {"left_out_by_hygiene": dict(sorted(left_out.items()))}
            state = {"revision": revision, "digest": index.digest(), "status": status}
            self._keep_history(index, revision)
            index.store.set("commit", revision)
            index.store.set("whole", state["digest"])
        return state

    def _keep_history(self, index: Index, revision: str) -> None:
        """Put in how the files changed up to a revision, which a search takes into account."""
        from inhouse.records import Change, Commit
        from inhouse.retrieval.ranking.history import keep, summarise
        from inhouse.shards import read_records
        from inhouse.sources.history import ancestors

        commits = list(read_records(self.history.path, "commits", Commit))
        reached = ancestors(commits, revision)
        changes = read_records(self.history.path, "changes", Change)
        paths = (file.path for file in index.store.files())
        before = [commit for commit in commits if commit.id in reached]
        keep(index.store, summarise(before, changes, revision, paths))

    def _begin_update(self, index: Index) -> None:
        """Say whose index it is, which workspaces may share on a server, and that it is not whole."""
        held = index.store.get("repository")
        if held not in (None, self.repository.name) and self.settings.retrieval.store:
            given = f"{self.settings.retrieval.store} holds {held}, not {self.repository.name}"
            raise UserMistake("an index holds one repository", given, "choose another ?index=NAME")
        index.store.set("repository", self.repository.name)
        index.store.set("whole", None)

    def _index_is(self, name: str, digest: str) -> bool:
        from inhouse.retrieval.index import Index

        place = self._index_place(name)
        if not place.exists():
            return False
        with Index.open(place) as index:
            return bool(index.store.get("whole") == digest)

    def _index_place(self, name: str) -> Path | Address:
        """Return where an index lies: that at the tip, which others use too, where the settings say."""
        from inhouse.retrieval.places import index_at

        return index_at(self.workspace.folder, name, self.settings.retrieval.store)

    # ------------------------------------------------------------ training

    @cached_property
    def model(self) -> BaseModel:
        """The base model, on this machine."""
        from inhouse.models.resolve import resolve

        return resolve(self.settings.model, self.progress)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The base model's tokenizer."""
        from inhouse.models.tokenizer import Tokenizer

        return Tokenizer.load(self.model.folder)

    @cached_property
    def dataset(self) -> Artefact:
        """Training examples and held-out items, split by date."""
        from inhouse.datasets.build import write_dataset
        from inhouse.datasets.decontamination import benchmark_digests
        from inhouse.datasets.general import General
        from inhouse.datasets.likelihood import scored_on
        from inhouse.datasets.split import require_past

        require_past(self.split, self.repository.commits)
        tokenizer = self.model.tokenizer_digest  # before the long work: a model that is missing shows at once

        def work(folder: Path) -> None:
            write_dataset(
                self.history.path,
                self.corpus.path,
                self.tokenizer,
                self.repository.name,
                self.settings,
                folder,
                self.progress,
            )

        settings = {
            "budget": self.settings.budget,
            "evaluation": _plain(self.settings.evaluation),
            "sequence_length": self.settings.training.sequence_length,
            "dataset": _plain(self.settings.dataset),
            "seed": self.settings.seed,
        }
        wanted = self.settings.dataset
        general = General(wanted.replay_from, self.settings.seed, self.settings.hygiene.rules)
        inputs = {
            "history": self.history.digest,
            "corpus": self.corpus.digest,
            "tokenizer": tokenizer,
            "benchmarks": digest_json(benchmark_digests(self.settings)),
            "review": digest_file(wanted.review) if wanted.review and wanted.review.is_file() else "",
            "general": general.digest if wanted.replay else "",
        }
        if wanted.filters.perplexity_window is not None:
            inputs |= {"model": self.model.digest, "scored on": scored_on()}
        return self.build(DATASET, settings, inputs, work)

    @cached_property
    def plan(self) -> Artefact:
        """The recipe with a reason for every value; values that hang on the hardware are frozen here."""
        from inhouse.planning.plan import write_plan

        def work(folder: Path) -> None:
            write_plan(self.model, self.dataset.path, self.settings, folder, self.progress)

        settings = {
            "training": _recipe_settings(self.settings),
            "budget": self.settings.budget,
            "seed": self.settings.seed,
        }
        return self.build(PLAN, settings, {"dataset": self.dataset.digest, "model": self.model.digest}, work)

    @cached_property
    def recipe(self) -> Recipe:
        """How the adapter is trained."""
        values = self.plan.read_json("recipe.json")
        lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        return Recipe(**values | lists)

    @cached_property
    def weights(self) -> Artefact:
        """The trained adapter's weights, its loss curve and its first batch."""
        from inhouse.training.guards import check_truncation
        from inhouse.training.trainer import train

        def work(folder: Path) -> None:
            check_truncation(self.dataset.read_json("accounting.json")["kinds"], self.settings.training.allow)
            train(
                self.model,
                self.tokenizer,
                self.dataset.path,
                self.recipe,
                folder,
                self.progress,
                self.training_options,
            )

        inputs = {"dataset": self.dataset.digest, "model": self.model.digest}
        return self.build(WEIGHTS, self.plan.read_json("recipe.json"), inputs, work)

    def sweep(self, tokens: int | None = None) -> Artefact:
        """Short trainings around the recipe, within `tokens` (a training's budget when left out)."""
        from inhouse.planning.recipe import largest_rank
        from inhouse.training.sweep import Grid, sweep

        recipe = self.recipe
        config = json.loads((self.model.folder / "config.json").read_text(encoding="utf-8"))
        largest = largest_rank(config, recipe.method, recipe.targets)
        grid = Grid.around(recipe, tokens or self.settings.training_tokens, largest)

        def work(folder: Path) -> None:
            sweep(self.model, self.tokenizer, self.dataset.path, recipe, grid, folder, self.progress)

        inputs = {"dataset": self.dataset.digest, "model": self.model.digest}
        settings = {"recipe": self.plan.read_json("recipe.json"), "grid": grid.as_json()}
        return self.build(SWEEP, settings, inputs, work)

    def sweep_report(self, found: Artefact) -> Path:
        """The page of a sweep."""
        from inhouse.reporting.sweep_page import write_sweep_page

        path = self.workspace.folder / "reports" / f"sweep-{found.fingerprint[:12]}.html"
        path.parent.mkdir(exist_ok=True)
        write_sweep_page(self.repository.name, found.read_json("sweep.json"), path)
        return path

    @property
    def training_options(self) -> Options:
        """What a training is told besides its recipe."""
        from inhouse.training.trainer import Options

        wished = self.settings.training
        return Options(wished.allow, wished.sinks, self.workspace.folder / "tracking", self.resume)

    # ------------------------------------------------------------ did it help?

    @cached_property
    def engine(self) -> Engine:
        """The base model, loaded; adapters are loaded by their digest."""
        from inhouse.engines.torch_engine import TorchEngine

        return TorchEngine(self.model, self.tokenizer)

    @cached_property
    def loaded_adapter(self) -> str:
        """The name under which the engine has loaded the tuned weights: their digest."""
        self.engine.load_adapter(self.weights.digest, self.weights.path / "adapter")
        return self.weights.digest

    @cached_property
    def scores(self) -> Artefact:
        """The comparison of the four arms on code written after the cut."""
        from inhouse.evaluation.compare import write_scores

        def work(folder: Path) -> None:
            names = {"heldout": "cut"} | ({"validation": "validation"} if self.split.validation_cut else {})
            with ExitStack() as opened:
                write_scores(
                    self.engine,
                    self.tokenizer,
                    self.dataset.path,
                    {split: opened.enter_context(self.open_index(name)) for split, name in names.items()},
                    self.loaded_adapter,
                    self.repository.name,
                    self.settings,
                    folder,
                    self.progress,
                    self.model.digest,
                )

        settings = {
            "evaluation": _plain(self.settings.evaluation),
            "budget": self.settings.budget,
            "seed": self.settings.seed,
        }
        inputs = {
            "dataset": self.dataset.digest,
            "indexes": self.indexes.digest,
            "weights": self.weights.digest,
            "model": self.model.digest,
        }
        return self.build(SCORES, settings, inputs, work)

    @cached_property
    def mined(self) -> Artefact:
        """Tasks from the repository itself, each verified in the sandbox."""
        from inhouse.evaluation.mining.environment import PythonEnvironment
        from inhouse.evaluation.mining.mine import write_mined
        from inhouse.sandbox import Sandbox

        sandbox = Sandbox.open(unsafe_local=self.unsafe_local)
        python = PythonEnvironment.probe(self.settings.execution.python, self.repository.path)

        def work(folder: Path) -> None:
            write_mined(
                self.repository,
                self.history.path,
                self.corpus.path,
                sandbox,
                self.settings,
                folder,
                self.workers,
                self.progress,
            )

        settings = {
            "execution": _plain(self.settings.execution),
            "budget": self.settings.budget,
            "seed": self.settings.seed,
            "isolation": sandbox.isolation,
        }
        inputs = {
            "history": self.history.digest,
            "corpus": self.corpus.digest,
            "python": digest_json([python.version, python.packages]),
        }
        return self.build(TASKS, settings, inputs, work)

    @cached_property
    def adapter(self) -> Adapter:
        """The adapter, registered with all that made it."""
        from inhouse.registry.adapters import Registry
        from inhouse.registry.manifest import manifest

        registry = Registry(self.workspace.folder / "registry")
        content = manifest(
            model=self.model,
            dataset_digest=self.dataset.digest,
            repository=self.repository.name,
            split=self.split,
            recipe=self.recipe,
            settings=_made_by(self.settings, self.repository.name),
            scores=self.scores.read_json("summary.json"),
        )
        return registry.register(self.weights.path / "adapter", self.repository.name, content)

    @cached_property
    def report(self) -> Path:
        """The page that shows it all."""
        from inhouse.reporting.report import Report, write_report

        path = self.workspace.folder / "reports" / f"{self.adapter.name}-{self.settings.budget}.html"
        path.parent.mkdir(exist_ok=True)
        write_report(
            Report(
                repository=self.repository.name,
                budget=self.settings.budget,
                split=self.split,
                history=self.history.read_json("counts.json"),
                corpus=self.corpus.read_json("counts.json"),
                accounting=self.dataset.read_json("accounting.json"),
                recipe=self.plan.read_json("recipe.json"),
                reasons=self.plan.read_json("reasons.json"),
                estimate=self.plan.read_json(MEASURED),
                training=self.weights.read_json("history.json"),
                training_measured=self.weights.read_json(MEASURED),
                first_batch=self.weights.read_json("first_batch.json"),
                summary=self.scores.read_json("summary.json"),
                samples=self.scores.read_json("samples.json"),
                manifest=dict(self.adapter.manifest),
                costs=self.costs,
            ),
            path,
        )
        return path

    # ------------------------------------------------------------ the whole journey

    def run(self) -> dict[str, Any]:
        """Go all the way and return the result that `inhouse run --json` prints."""
        with measured() as total:
            report = self.report
        summary = self.scores.read_json("summary.json")
        counts = self.corpus.read_json("counts.json")
        return {
            "verdict": summary["verdict"],
            "repository": self.repository.name,
            "budget": {"name": self.settings.budget, **_budget(self.settings)},
            "arms": summary["arms"],
            "differences": summary["differences"],
            "retrieval_share": summary["retrieval_share"],
            "retention": summary["retention"],
            "split": {"cut": self.split.cut, "tip": self.split.tip, "reason": self.split.reason},
            "corpus": {key: counts[key] for key in ("in", "kept", "removed")},
            "adapter": {"name": self.adapter.name, "digest": self.adapter.digest},
            "report": str(report),
            "seconds": {
                **{name: cost["seconds"] for name, cost in self.costs.items()},
                "this_command": total.seconds,
            },
            "peak_memory_bytes": {name: cost["peak_memory_bytes"] for name, cost in self.costs.items()},
        }

    @property
    def costs(self) -> dict[str, dict[str, float]]:
        """Seconds and peak memory of each stage, from the run that made its artefact."""
        artefacts = (
            self.history, self.corpus, self.indexes, self.dataset, self.plan, self.weights, self.scores,
        )  # fmt: skip
        return {
            artefact.stage: {
                "seconds": round(artefact.cost.seconds, 2),
                "peak_memory_bytes": artefact.cost.peak_memory_bytes,
            }
            for artefact in artefacts
        }

    @property
    def workers(self) -> int:
        """Processes for corpus work."""
        return self.settings.workers or len(os.sched_getaffinity(0))

    def build(self, stage: Stage, settings: dict[str, Any], inputs: dict[str, str], work: Any) -> Artefact:
        """Return a stage's artefact as `Workspace.build` does, and say when it was there."""
        artefact = self.workspace.build(stage, settings, inputs, work)
        if artefact.reused:
            self.progress.say(f"{stage.name}: present ({artefact.fingerprint[:12]})")
        return artefact


def _plain(section: Any) -> dict[str, Any]:
    """Return settings as plain JSON values."""
    return dict(section.model_dump(mode="json"))


def _recipe_settings(settings: Settings) -> dict[str, Any]:
    """Return the settings of the training that a recipe hangs on."""
    return dict(settings.training.model_dump(mode="json", exclude={"sinks", "allow"}))


def _made_by(settings: Settings, repository: str) -> dict[str, Any]:
    """Return the settings that an adapter and its scores hang on: the same ones give the same manifest."""
    apart = {"workers", "serving", "generation", "execution", "gates"}
    made_by = settings.model_dump(mode="json", exclude=apart)
    split = _plain(settings.split.of(repository))
    return {**made_by, "training": _recipe_settings(settings), "split": split}


def _budget(settings: Settings) -> dict[str, int]:
    budget = BUDGETS[settings.budget]
    return {"trained": settings.training_tokens, "scored": budget.scored, "generated": budget.generated}
