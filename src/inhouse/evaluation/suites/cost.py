"""What answers cost: tokens read, tokens written, seconds; and what a task that passes costs.

measures    prompt_tokens, generated_tokens, seconds: of one answer
            passes_per_1000_tokens, passes_per_minute: at what an arm reads and writes, see `worth`
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inhouse.evaluation.judging import OfExecution, judgement
from inhouse.evaluation.pass_at_k import GREEDY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from inhouse.evaluation.tasks import Completion, Judgement, Project, Task

__all__ = ["SUITE", "Cost", "worth"]


@dataclass(frozen=True, slots=True)
class Cost(OfExecution):
    """The suite. Greedy answers only, which all arms give: answers drawn at random share their prompt."""

    name: str = "cost"
    title: str = "what an answer costs"

    def judge(
        self, project: Project, tasks: Sequence[Task], completions: Sequence[Completion]
    ) -> Iterator[Judgement]:
        """Yield what each answer cost, an answer of nothing too."""
        del project
        by_id = {task.id: task for task in tasks}
        for completion in completions:
            if completion.sample or completion.task not in by_id:
                continue
            for measure, cost in (
                ("prompt_tokens", completion.prompted),
                ("generated_tokens", completion.generated),
                ("seconds", completion.seconds),
            ):
                yield judgement(self.name, measure, by_id[completion.task], completion, cost, 1)


SUITE = Cost()


def worth(
    tasks: Sequence[Task], completions: Sequence[Completion], executed: Iterable[Judgement]
) -> Iterator[Judgement]:
    """Yield, from the judgements of the execution suite, how many tasks an arm passes for what it costs.

    Costs of answers that failed are paid too: the passes of all tasks are divided by the tokens, read and
    written, and by the seconds of all tasks. It compares arms at equal quality: one that passes as many with
    half of the tokens has twice the value.
    """
    by_id = {task.id: task for task in tasks}
    passed = {
        (one.task, one.arm): one.top / one.bottom
        for one in executed
        if one.measure == GREEDY and not one.sample and one.bottom
    }
    for completion in completions:
        top = passed.get((completion.task, completion.arm))
        if top is None or completion.sample or completion.task not in by_id:
            continue
        task, tokens = by_id[completion.task], completion.prompted + completion.generated
        yield judgement(SUITE.name, "passes_per_1000_tokens", task, completion, top, tokens / 1_000)
        yield judgement(SUITE.name, "passes_per_minute", task, completion, top, completion.seconds / 60)
