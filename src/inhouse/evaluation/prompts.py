"""A task as each arm sees it.

    of the repository   [text of the arm] [files shown to all] markers | end of the prefix | indentation
    completion          the prefix; of HumanEval without white space around it
    chat                the model's own template: text of the arm, files, instruction | start of the answer

A task of the repository is put to the model as held-out items are (`datasets.formats`), with the same number
of tokens for every arm. Byte-level vocabularies join the last blank of an indentation to the word behind it:
the model is given the indentation of the gap without that blank, so that it goes on in tokens it knows.

HumanEval and MBPP follow published protocols; `docs/suites.md` names them, and a test pins their white space.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from inhouse.datasets.formats import first_lines, space_at_end
from inhouse.errors import UserMistake
from inhouse.records import Item

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inhouse.config import Generation
    from inhouse.evaluation.arms import Arm, Bench
    from inhouse.evaluation.tasks import Task, TaskFile

__all__ = [
    "ABOUT_REPOSITORY",
    "OF_REPOSITORY",
    "Before",
    "Prompt",
    "answer_begins",
    "as_item",
    "gap_space",
    "given",
    "is_chat",
    "prompt",
]

OF_REPOSITORY = frozenset({"function", "commit", "bug", "equivalence", "user"})
"""Kinds of tasks whose answers go into a file of the repository."""

ABOUT_REPOSITORY = OF_REPOSITORY | {"question"}
"""Kinds for which retrieved text and conventions may matter; the others ask all models the same."""

_LONG = frozenset({"humaneval", "mbpp", "chat"})  # kinds whose answers may have `chat_tokens`
_CONTEXT_SHARE = 2  # files that every arm is shown take at most half of the tokens
_SPARE = 64  # tokens of a window that a chat template and the indentation of a gap may take

_PUBLISHED_STOPS = {
    "humaneval": ("\nclass", "\ndef", "\n#", "\n@", "\nprint", "\nif", "\n```", "\nassert"),
    "mbpp": ("[DONE]",),
}
_NEXT_DEFINITIONS = ("def ", "async def ", "class ", "@", "if __name__", "import ", "from ")
_ANSWER_BEGINS = {
    "humaneval": "Below is a Python script with a self-contained function that solves the problem and passes "
    "corresponding tests:\n```python\n",
}
_ANSWER_BEGINS["mbpp"] = _ANSWER_BEGINS["humaneval"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model reads, and when it has to stop."""

    tokens: tuple[int, ...]
    stop: tuple[str, ...]
    max_new_tokens: int


class Before(Protocol):
    """What an arm puts before the file of an item; `scale` times as much as in a context of usual length."""

    def __call__(self, item: Item, scale: float) -> str:
        """Return the text."""
        ...


def prompt(bench: Bench, task: Task, arm: Arm, texts: Mapping[str, Before], settings: Generation) -> Prompt:
    """Return a task as an arm sees it; `texts` make what an arm puts in front.

    Raises UserMistake when a task needs a chat template and the model has none.
    """
    most = settings.chat_tokens if task.kind in _LONG else settings.max_new_tokens
    room = _room(bench, task, most)
    text = texts[arm.text](as_item(task), room / bench.context_tokens) if arm.text else ""
    if is_chat(task):
        return Prompt(_chat(bench, task, text, room), ("\n```",) if answer_begins(task) else (), most)
    if task.kind in OF_REPOSITORY:
        return Prompt(_in_repository(bench, task, text, room), _stops(task), most)
    start = [] if bench.tokenizer.bos is None else [bench.tokenizer.bos]
    published = task.prefix.strip() if task.kind == "humaneval" else task.prefix
    tokens = (*start, *bench.tokenizer.encode(published))
    return Prompt(tokens, _PUBLISHED_STOPS.get(task.kind, ()), most)


def is_chat(task: Task) -> bool:
    """Is the model told in words what to do, with nothing of a file to go on from?"""
    return bool(task.instruction) and not task.prefix.strip()


def answer_begins(task: Task) -> str:
    """Return the words with which the answer to a chat task begins, which the model is given."""
    return _ANSWER_BEGINS.get(task.kind, "") if is_chat(task) else ""


def given(task: Task) -> str:
    """Return the white space that the model is given after the text of the prefix.

    It is the line end and the indentation of the gap, without the last blank.
    """
    space = gap_space(task)
    return space[:-1] if space[-1:] in (" ", "\t") else space


def gap_space(task: Task) -> str:
    """Return the white space between the text of the prefix and that of the reference."""
    if task.kind not in OF_REPOSITORY or is_chat(task):
        return ""
    return space_at_end(task.prefix) + task.reference[: len(task.reference) - len(task.reference.lstrip())]


def as_item(task: Task) -> Item:
    """Return a task in the form of a held-out item, whose target is the reference."""
    return Item(
        id=task.id,
        split="heldout",
        commit=task.group,
        date=task.date,
        path=task.path,
        language=task.language,
        message=_message(task),
        prefix=task.prefix,
        target=task.reference,
        known_path=True,
    )


def _message(task: Task) -> str:
    """Return what stands where held-out items have the words of their commit."""
    if task.kind == "bug":  # what fails; the function with the bug is among the files that are shown
        return task.instruction.partition("\n")[0].rpartition(". ")[0]
    return task.instruction if task.kind in ("commit", "question") else ""


# ------------------------------------------------------------------ forms


def _room(bench: Bench, task: Task, answer: int) -> int:
    """Return the tokens of a task's context: as many as usual, or more as far as the model takes them."""
    wanted, window = bench.context_tokens * task.context_factor, bench.engine.capabilities.window
    most = wanted if window is None else window - answer - _SPARE
    return max(bench.context_tokens, min(wanted, most))


def _in_repository(bench: Bench, task: Task, text: str, room: int) -> tuple[int, ...]:
    files = first_lines(_shown(task.context), bench.tokenizer, room // _CONTEXT_SHARE)
    before = bench.tokenizer.encode(given(task))
    return (*bench.context(as_item(task), text + files, room), *before)


def _chat(bench: Bench, task: Task, text: str, room: int) -> tuple[int, ...]:
    tokenizer = bench.tokenizer
    if not tokenizer.has_chat_template:
        raise UserMistake(
            "tasks in words need a model with a chat template",
            task.suite,
            "use an instruction-tuned base model",
        )
    left = max(0, room - len(tokenizer.encode(task.instruction)))
    before = first_lines(text + _shown(task.context), tokenizer, left)
    words = f"{before.rstrip()}\n\n{task.instruction}" if before.strip() else task.instruction
    asked = tokenizer.chat([{"role": "user", "content": words}])
    return (*asked, *tokenizer.encode(answer_begins(task)))


def _shown(files: Sequence[TaskFile]) -> str:
    return "".join(f"# {file.path}\n{file.text.rstrip()}\n\n" for file in files)


def _stops(task: Task) -> tuple[str, ...]:
    """Return what begins the next definition after a gap: at a smaller indentation than the gap's."""
    _, line_end, indentation = gap_space(task).rpartition("\n")
    if not line_end or not indentation:
        return ()
    if task.language == "python":
        levels = range(0, len(indentation), 4)
        return tuple(f"\n{' ' * level}{word}" for level in levels for word in _NEXT_DEFINITIONS)
    return ("\n}\n",)
