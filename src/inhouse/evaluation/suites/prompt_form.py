"""The tasks of the execution suite, put in other ways: does a gain survive?

said     the wish in other words: the instruction, or a comment before the gap
half     half of the context: the last part of the prefix
twice    twice the tokens for the context of every arm: more of the file, more of what an arm puts before it
after    other parts of the file in as many tokens as ever: what follows the gap is shown too

measures    pass@1 (said), pass@1 (half) and so on, by the names of the original tasks, so that they pair with
            those of the execution suite
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from inhouse.digests import digest_json
from inhouse.evaluation.mining.verify import Checker
from inhouse.evaluation.suites import execution
from inhouse.evaluation.tasks import TaskFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.evaluation.tasks import Completion, Judgement, Project, Task

__all__ = ["FORMS", "SUITE", "PromptForm", "in_form"]

FORMS = ("said", "half", "twice", "after")
"""Names of the forms."""

_CHARACTERS = 4  # of a token, about
_SAID = {
    "python": "# Write what the description above promises.",
    "c": "/* Do what is described above. */",
    "javascript": "// Do what is described above.",
}
_OTHER_WORDS = (
    (re.compile(r"\b[Ww]rite a\b"), "please implement a"),
    (re.compile(r"\b[Ww]rite\b"), "implement"),
    (re.compile(r"\b[Cc]omplete\b"), "finish"),
    (re.compile(r"\b[Rr]eturns?\b"), "gives back"),
    (re.compile(r"\b[Ff]ix\b"), "repair"),
    (re.compile(r"\b[Ff]unction\b"), "routine"),
)


@dataclass(frozen=True, slots=True)
class PromptForm:
    """The suite."""

    name: str = "prompt_form"
    title: str = "the same tasks in other words and with other context"
    answers_of: str = "prompt_form"

    def tasks(self, project: Project) -> Sequence[Task]:
        """Return tasks of the execution suite, a quarter of them, in all the forms that change them."""
        return [variant for variant, _, _ in _variants(project)]

    def judge(
        self, project: Project, tasks: Sequence[Task], completions: Sequence[Completion]
    ) -> Iterator[Judgement]:
        """Put answers into the files of the original tasks and run their tests."""
        wanted = {task.id for task in tasks}
        originals = {
            variant.id: (task, form) for variant, task, form in _variants(project) if variant.id in wanted
        }

        def run(answers: Sequence[tuple[Task, str]]) -> list[tuple[bool, str] | None]:
            checker = Checker(project.sandbox(), project.repository, project.settings.execution)
            verdicts = checker.check_many(answers, execution.workers(project))
            return [(verdict.passed, verdict.reason) for verdict in verdicts]

        for form in FORMS:
            asked = {name: task for name, (task, of) in originals.items() if of == form}
            moved = [replace(one, task=asked[one.task].id) for one in completions if one.task in asked]
            yield from execution.judged(self.name, list(asked.values()), moved, run, f" ({form})")


SUITE = PromptForm()


def in_form(task: Task, form: str, context_tokens: int) -> Task | None:
    """Return a task in another form, None where that would change nothing.

    The variant is what models see; it is not complete: answers belong into the file of the original.
    """
    changed = {"said": _said, "half": _half, "twice": _twice, "after": _after}[form](task, context_tokens)
    if changed is None or changed == task:
        return None
    return replace(changed, id=digest_json([task.id, form]), suite=SUITE.name)


def _variants(project: Project) -> list[tuple[Task, Task, str]]:
    """Return (variant, original, form); the same for the same mined tasks."""
    tokens = project.settings.evaluation.context_tokens
    originals = execution.SUITE.tasks(project)[: max(1, project.settings.generation.tasks // len(FORMS))]
    return [
        (variant, task, form)
        for task in originals
        for form in FORMS
        if (variant := in_form(task, form, tokens)) is not None
    ]


def _said(task: Task, _: int) -> Task | None:
    if task.instruction:
        words = task.instruction
        for pattern, other in _OTHER_WORDS:
            words = pattern.sub(other, words)
        return replace(task, instruction=words)
    comment = _SAID.get(task.language)
    if comment is None or not task.prefix.strip():
        return None
    lead = task.reference.lstrip("\n")
    line = f"{lead[: len(lead) - len(lead.lstrip())]}{comment}"
    is_line_start = task.prefix.endswith("\n")
    return replace(task, prefix=f"{task.prefix}{line}\n" if is_line_start else f"{task.prefix}\n{line}")


def _half(task: Task, context_tokens: int) -> Task | None:
    """Keep as much of the prefix as half of the tokens hold, from the beginning of a line on."""
    room = context_tokens * _CHARACTERS // 2
    if len(task.prefix) <= room:
        room = len(task.prefix) // 2
    start = task.prefix.find("\n", len(task.prefix) - room) + 1
    return replace(task, prefix=task.prefix[start:]) if 0 < start < len(task.prefix) else None


def _twice(task: Task, _: int) -> Task:
    return replace(task, context_factor=2 * task.context_factor)


def _after(task: Task, _: int) -> Task | None:
    if not task.suffix.strip():
        return None
    return replace(task, context=(*task.context, TaskFile(f"{task.path} (what follows)", task.suffix)))
