"""What is trained on, in which order, and which words of an instruction carry loss.

    text            documents alone: continued pre-training
    instructions    conversations alone: loss on the answers, and on the questions as much as is wished
    phased          all passes over the documents, then all passes over the conversations, in one schedule
    mixed           both together in one random order

Documents and conversations are told apart by the builder that made them. A question may carry loss with a
weight of its own (Huerta-Enochian & Ko 2024, https://arxiv.org/abs/2401.13586): the loss is the weighted mean
over all tokens that carry any. What must not be imitated, such as the faulty code of a critique, never does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from inhouse.datasets.spill import Rows
    from inhouse.records import Example

__all__ = ["NEVER_IMITATED", "is_conversation", "phases", "prompt_weight"]

NEVER_IMITATED = frozenset({"critique", "negative", "negatives"})
"""Kinds whose questions show what is wrong: no weight puts loss on them."""


def is_conversation(kind: str) -> bool:
    """Return whether examples of a kind are questions with answers, in the model's chat template."""
    from inhouse.datasets.builders import all_builders

    builder = all_builders().get(kind)
    return builder is not None and builder.chats


def phases(examples: Rows, objective: str) -> list[Rows]:
    """Return what is trained on, one list for each phase. Raises UserMistake where nothing is left."""
    if not examples:
        raise UserMistake(
            "training needs examples",
            "the training split of the dataset is empty",
            "see what was removed and why with `inhouse status --removed`",
        )
    documents = examples.of_kinds(lambda kind: not is_conversation(kind))
    conversations = examples.of_kinds(is_conversation)
    wanted = {
        "text": [documents],
        "instructions": [conversations],
        "phased": [documents, conversations],
        "mixed": [examples],
    }[objective]
    if not all(wanted):
        raise UserMistake(
            f"the objective {objective} needs {_needs(objective)}",
            f"the dataset has {len(documents)} documents and {len(conversations)} conversations",
            "set training.objective to mixed, or build a dataset with the other kinds too",
        )
    return wanted


def prompt_weight(example: Example, weight: float) -> float:
    """Return the weight of an example's tokens that are not its answer, beside 1 for those that are."""
    allowed = is_conversation(example.kind) and example.kind not in NEVER_IMITATED
    return weight if allowed else 0.0


def _needs(objective: str) -> str:
    needs = {"text": "documents", "instructions": "conversations"}
    return needs.get(objective, "documents and conversations")
