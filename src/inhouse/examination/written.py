"""What the arms wrote for the suites, and how the suites judged it: two artefacts of each suite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inhouse.examination.stages import ANSWERS, JUDGEMENTS
from inhouse.shards import read_records, write_json, write_records

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from inhouse.evaluation.tasks import Completion, Judgement, Suite, Task
    from inhouse.examination.arms import Arms
    from inhouse.examination.view import View
    from inhouse.pipeline import Pipeline
    from inhouse.workspace import Artefact

__all__ = ["Written"]

_JUDGED = "judged.json"


class Written:
    """Tasks, answers and judgements, by suite."""

    def __init__(self, pipeline: Pipeline, view: View, arms: Arms) -> None:
        self._pipeline = pipeline
        self._view = view
        self._arms = arms
        self._tasks: dict[str, tuple[Sequence[Task], str]] = {}

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
            tasks = find_suite(suite.answers_of).tasks(self._view)
            self._tasks[suite.answers_of] = tasks, digest_json([task.id for task in tasks])
        return self._tasks[suite.answers_of]

    def _answered(self, suite: Suite) -> Artefact:
        """Return what all arms wrote, judged for the first time while the next was written."""
        from inhouse.evaluation.arms import available
        from inhouse.evaluation.generation import generate_and_judge
        from inhouse.evaluation.suites import find_suite

        asked, view = find_suite(suite.answers_of), self._view
        tasks, digest = self._asked(suite)
        texts = self._arms.texts_for(tasks)
        arms = available(self._arms.asked, texts)
        model = self._pipeline.model.digest

        def work(folder: Path) -> None:
            bench, made = self._arms.writer(folder, arms), self._arms.made(texts)
            generate_and_judge(bench, view, asked, tasks, arms, folder, texts=made, model=model)
            write_json(folder / _JUDGED, self._judged_by())

        settings = {
            "suite": asked.name,
            "generation": view.settings.generation.model_dump(mode="json"),
            "context_tokens": view.settings.evaluation.context_tokens,
            "arms": [arm.name for arm in arms],
            "seed": view.settings.seed,
        }
        inputs = {"tasks": digest, "model": model, **self._arms.inputs(arms)}
        return self._pipeline.build(ANSWERS, settings, inputs, work)

    def _judged(self, suite: Suite) -> Artefact:
        from inhouse.evaluation.tasks import Judgement

        answers = self._answered(suite)
        tasks, digest = self._asked(suite)

        def work(folder: Path) -> None:
            if suite.name == suite.answers_of and _judged_already(answers, self._judged_by()):
                found = list(read_records(answers.path, "judgements", Judgement))
            else:
                found = list(suite.judge(self._view, tasks, self.answers(suite)))
            found += self._beyond_answers(suite)
            write_records(folder / "judgements.parquet", found, Judgement)

        execution = self._view.settings.execution.model_dump(mode="json")
        settings = {"suite": suite.name, "execution": execution, **self._judged_by()}
        return self._pipeline.build(JUDGEMENTS, settings, {"answers": answers.digest, "tasks": digest}, work)

    def _beyond_answers(self, suite: Suite) -> list[Judgement]:
        """Return what a suite makes of how another suite judged the same answers."""
        from inhouse.evaluation.suites import cost, execution

        if suite.name == cost.SUITE.name:
            executed = self.judgements(execution.SUITE)
            return list(cost.worth(self.tasks(suite), self.answers(suite), executed))
        return []

    def _judged_by(self) -> dict[str, Any]:
        """Return what a judgement hangs on besides the answers: a suite that runs code says where it ran."""
        return {"version": JUDGEMENTS.version, "isolation": self._view.isolation}


def _judged_already(answers: Artefact, now: dict[str, Any]) -> bool:
    return (answers.path / _JUDGED).exists() and answers.read_json(_JUDGED) == now
