"""Fifty questions that people ask a coding assistant: does it still end its turn, and write code that parses?

Continuation training breaks chat without likelihood noticing: a model forgets to stop, or goes on with a file
where an answer belongs. Nothing is run, so no answer is right or wrong here; the rates of a tuned model must
stay within five points of the base.

    ends its turn       share of answers that the model itself ended, within the tokens it may write
    parsable code       share of answers with a code block that parses in the language that was asked for
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from inhouse.digests import digest_json
from inhouse.evaluation.extraction import parses
from inhouse.evaluation.tasks import Check, Judgement, Task
from inhouse.languages import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inhouse.evaluation.tasks import Completion, Project

__all__ = ["ENDS", "PARSES", "SUITE", "Chat", "chat_tasks"]

ENDS = "ends its turn"
PARSES = "parsable code"

_NO_CHECK = Check("", "", (), (), "", 0, 0.0)
_SUFFIXES = {"c": "c", "javascript": "js"}


@dataclass(frozen=True, slots=True)
class Chat:
    """The suite."""

    name: str = "chat"
    title: str = "chat: turns ended, code that parses"
    answers_of: str = "chat"

    def tasks(self, project: Project) -> Sequence[Task]:
        """Return the questions, as many as the settings allow."""
        return chat_tasks()[: project.settings.generation.tasks]

    def judge(
        self, project: Project, tasks: Sequence[Task], completions: Sequence[Completion]
    ) -> Iterator[Judgement]:
        """Look at how each answer ended and parse its code; nothing is run."""
        del project
        by_id = {task.id: task for task in tasks}
        for one in completions:
            if one.task in by_id:
                task = by_id[one.task]
                ended, whole = one.finish == "stop", _parses(task, one.answer)
                ending = "" if ended else f"went on for {one.generated} tokens"
                code = "" if whole else "the code does not parse" if one.answer.strip() else "no code"
                yield self._judgement(ENDS, task, one, ended, ending)
                yield self._judgement(PARSES, task, one, whole, code)

    def _judgement(self, measure: str, task: Task, one: Completion, good: bool, note: str) -> Judgement:
        return Judgement(self.name, measure, task.id, task.group, one.arm, one.sample, float(good), 1.0, note)


SUITE = Chat()


def chat_tasks() -> list[Task]:
    """Return the fifty questions. Python comes first, C and JavaScript at the end."""
    text = files(__package__).joinpath("chat_prompts.jsonl").read_text(encoding="utf-8")
    return [_task(**json.loads(line)) for line in text.splitlines()]


def _task(id: str, language: str, prompt: str) -> Task:  # noqa: A002 - the key of the file
    return Task(
        id=digest_json(["chat", prompt]),
        suite=SUITE.name,
        kind="chat",
        group=id,
        date=0,
        language=language,
        path="",
        prefix="",
        suffix="",
        instruction=prompt,
        reference="",
        context=(),
        check=_NO_CHECK,
        verified="",
    )


def _parses(task: Task, code: str) -> bool:
    if not code.strip():
        return False
    if task.language == "python":
        return parses(code)
    return parse(f"answer.{_SUFFIXES[task.language]}", code, task.language).errors == 0
