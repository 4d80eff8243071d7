"""What is refused before hours are wasted: in the data before the model is loaded, then in the first steps.

Predicted memory is looked at where the plan is made, because only the plan knows the machine.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Protocol

from inhouse.datasets.accounting import truncated_share
from inhouse.errors import UserMistake
from inhouse.training.learning_rates import warmup_steps
from inhouse.training.objectives import is_conversation

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from inhouse.datasets.spill import Rows
    from inhouse.models.resolve import BaseModel
    from inhouse.records import Example
    from inhouse.training.data import TrainingData
    from inhouse.training.history import Step

__all__ = [
    "BLOWN_UP",
    "MIN_VALIDATION",
    "MOST_TRUNCATED",
    "SMALL_VALIDATION",
    "TRUNCATION",
    "FirstSteps",
    "Words",
    "check_data",
    "check_finite",
    "check_truncation",
    "is_blown_up",
]

SMALL_VALIDATION = "small_validation"
"""The name under which a small validation set is allowed."""

TRUNCATION = "truncation"
"""The name under which it is allowed that most of what was to be learnt did not fit into rows."""

MOST_TRUNCATED = 0.5
"""Share of the tokens that may not have fitted into rows: beyond it more is lost than learnt."""

MIN_VALIDATION = 6
"""With fewer examples not even agreement of all is significant: by chance five go the same way once in 16
times (two-sided sign test, p = 2 / 2^5 = .0625), six once in 32 (p = .031)."""

_EXPLODES = "the loss may not explode in the first steps"
_VANISHES = "the gradient may not vanish in the first steps"
_INFINITE = "the validation loss must stay finite"
BLOWN_UP = "the loss and its gradient must stay finite"
"""The rule that a step breaks whose loss or gradient is no number."""

_LOWER = "lower training.learning_rate, tenfold to begin with"
_SAMPLE = 32  # examples whose text is compared with their tokens
_AFTER_WARMUP = 10  # steps that count as the first
_SUSPICIOUS = 1.0  # nats that a step's loss may lie above that of the first: batches differ
_EXPLODED = 0.5  # nats that the loss of the first batch itself may rise


class Words(Protocol):
    """What is needed of a tokenizer."""

    pad: int
    ends: frozenset[int]
    unknown_marks: tuple[str, ...]

    def decode(self, ids: Sequence[int], *, markers: bool = False) -> str:
        """Return the text of tokens, with the names of markers."""


def check_data(data: TrainingData, model: BaseModel, tokenizer: Words, allowed: Collection[str] = ()) -> None:
    """Raise UserMistake for data that cannot train this model well; `allowed` names what is passed over."""
    examples = data.train + data.validation
    _check_tokenizer(examples, model, tokenizer)
    _check_padding(examples, tokenizer)
    _check_ends(data.train, tokenizer)
    if SMALL_VALIDATION not in allowed:
        _check_validation(data)


def check_truncation(kinds: Mapping[str, Mapping[str, int]], allowed: Collection[str] = ()) -> None:
    """Raise UserMistake where most of a dataset was cut off; `kinds` are the accounts of its kinds."""
    share, worst = truncated_share(kinds)
    if share <= MOST_TRUNCATED or TRUNCATION in allowed:
        return
    raise UserMistake(
        f"at most {MOST_TRUNCATED:.0%} of what is to be learnt may be too long for its rows",
        f"{share:.0%} of the tokens were, most of them of the kind {worst}",
        f"raise training.sequence_length, name other kinds, or run `inhouse train --allow {TRUNCATION}`",
    )


def check_finite(step: int, loss: float, general: float | None) -> None:
    """Raise UserMistake when the weights after a step (0: the base model) give no loss that is a number."""
    if math.isfinite(loss) and math.isfinite(general or 0.0):
        return
    on_general = "" if general is None else f", and {general} on general code"
    if step == 0:
        raise UserMistake(
            "a base model gives losses that are numbers",
            f"before the first step the validation loss is {loss}{on_general}",
            "copy the model again, or take another base model: its weights are damaged",
        )
    raise UserMistake(_INFINITE, f"after step {step} it is {loss}{on_general}", _LOWER)


def is_blown_up(mistake: UserMistake) -> bool:
    """Return whether a training was refused because its learning rate is too high for it."""
    return mistake.rule in (_EXPLODES, _VANISHES, _INFINITE, BLOWN_UP)


def _check_tokenizer(examples: Sequence[Example], model: BaseModel, tokenizer: Words) -> None:
    next_step = "build the dataset again for this model: `inhouse dataset`"
    rule = "a dataset is made of the tokens of one model"
    config = json.loads((model.folder / "config.json").read_text(encoding="utf-8"))
    rows = config.get("vocab_size") or config.get("text_config", {}).get("vocab_size")
    largest = max(max(example.input_ids, default=0) for example in examples)
    if rows is not None and largest >= rows:
        given = f"this one has token {largest}, and {model.name} knows {rows}"
        raise UserMistake(rule, given, next_step)
    sample = [example for example in examples[:: max(1, len(examples) // _SAMPLE)] if example.text]
    other = [one for one in sample if tokenizer.decode(one.input_ids, markers=True) != one.text]
    if len(other) > len(sample) / 2:
        given = f"the tokens of {len(other)} of {len(sample)} examples mean another text to {model.name}"
        raise UserMistake(rule, given, next_step)


def _check_padding(examples: Sequence[Example], tokenizer: Words) -> None:
    for example in examples:
        pairs = zip(example.input_ids, example.trained, strict=True)
        count = sum(carries and id_ == tokenizer.pad for id_, carries in pairs)
        if count:
            raise UserMistake(
                "padding carries no loss, or the model learns to write it",
                f"{count} trained token(s) of example {example.id} are the padding token {tokenizer.pad}",
                "take the padding out of the dataset, or the loss off it",
            )


def _check_ends(examples: Rows, tokenizer: Words) -> None:
    answers = examples.of_kinds(is_conversation)
    if answers and tokenizer.unknown_marks:
        raise UserMistake(
            "the marks of a chat template are tokens of the model, or they are read as words",
            f"its tokenizer has no {', '.join(tokenizer.unknown_marks)}",
            "give the model the chat template that belongs to its tokenizer",
        )
    if answers and not any(_is_closed(example, tokenizer.ends) for example in answers):
        raise UserMistake(
            "an answer ends with an end mark that carries loss, or the model never learns to stop",
            f"none of {len(answers)} conversations has one",
            "use a model whose chat template closes the assistant's turn, or give it such a template",
        )


def _is_closed(example: Example, ends: frozenset[int]) -> bool:
    pairs = zip(example.input_ids, example.trained, strict=True)
    return any(carries and id_ in ends for id_, carries in pairs)


def _check_validation(data: TrainingData) -> None:
    found = len(data.validation)
    if 0 < found < MIN_VALIDATION:
        raise UserMistake(
            f"with fewer than {MIN_VALIDATION} validation examples nothing can be decided",
            f"there are {found}",
            f"give the split a longer history, or run `inhouse train --allow {SMALL_VALIDATION}`",
        )


class FirstSteps:
    """Watches the first steps: those of the warm-up and ten more.

    Losses of different batches differ, so a loss that rose is only a suspicion; what decides is the loss of
    the first batch, scored again.
    """

    def __init__(self, data: TrainingData, first_batch_loss: Callable[[], float]) -> None:
        self._first_batch_loss = first_batch_loss
        self._last = warmup_steps(data.recipe.warmup_share, data.steps) + _AFTER_WARMUP

    def check(self, steps: Sequence[Step]) -> None:
        """Look at the latest step. Raises UserMistake when nothing is learnt, or the loss explodes."""
        now, first = steps[-1], steps[0]
        if now.step > self._last:
            return
        rate = max(step.learning_rate for step in steps)
        if now.gradient_norm == 0.0:
            raise _without_gradient(now.step, rate, at_first=first.gradient_norm == 0.0)
        if now.loss <= first.loss + _SUSPICIOUS:
            return
        again = self._first_batch_loss()
        if not again <= first.loss + _EXPLODED:  # NaN too
            raise UserMistake(
                _EXPLODES,
                f"after {now.step} steps up to a learning rate of {rate:g}, the loss of the first batch rose "
                f"from {first.loss:.2f} to {again:.2f}",
                _LOWER,
            )


def _without_gradient(step: int, rate: float, *, at_first: bool) -> UserMistake:
    """Gradients that are zero from the start have another cause than those that a step destroyed."""
    if at_first:
        return UserMistake(
            "training needs a gradient",
            f"all gradients of step {step} are zero, so nothing would be learnt",
            "train other layers with training.targets, or another base model",
        )
    return UserMistake(
        _VANISHES,
        f"after steps up to a learning rate of {rate:g}, all gradients of step {step} are zero",
        _LOWER,
    )
