"""A task in words, for those who read logs and for models that can only be talked to.

files that every arm is shown
what is asked
the file around the gap, with a mark where the answer goes
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from inhouse.evaluation.prompts import is_chat

if TYPE_CHECKING:
    from inhouse.evaluation.tasks import Task

__all__ = ["GAP", "question", "spoken"]

GAP = "<<< what is missing >>>"
"""Stands where the answer goes."""

_TALK = "chat"  # the kind of tasks whose answer is not begun for the model


def question(task: Task) -> str:
    """Return what every arm is asked, in words; what an arm puts in front of it is not in it."""
    shown = [f"# {file.path}\n{file.text.rstrip()}\n" for file in task.context]
    return "\n".join([*shown, task.instruction if is_chat(task) else _gap(task)])


def spoken(task: Task) -> Task:
    """Return the task to be asked in a conversation: the answer to a gap is the whole file around it.

    The task keeps its id and its tests. The beginning of the answer, which published protocols give to the
    model, is left out: most servers of conversations do not take one.
    """
    if is_chat(task):
        return replace(task, kind=_TALK)
    instruction = f"{_gap(task)}\nAnswer with the whole file in one code block."
    whole = f"{task.prefix}{task.reference}{task.suffix}"
    return replace(task, kind=_TALK, instruction=instruction, prefix="", suffix="", reference=whole)


def _gap(task: Task) -> str:
    asked = f"{task.instruction.rstrip()}\n\n" if task.instruction else ""
    around = f"{task.prefix}{GAP}{task.suffix}".rstrip("\n")
    return f"{asked}# {task.path}\n```\n{around}\n```\n"
