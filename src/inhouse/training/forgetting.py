"""General code that is scored at every validation, so that training stops before it forgets too much.

The sample is made as that of `evaluation.retention` is, with another seed: what training is stopped by should
not be what it is judged by.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from inhouse.datasets.contamination import THRESHOLD
from inhouse.datasets.formats import item_example
from inhouse.evaluation.retention import standard_library_items
from inhouse.hygiene.duplicates import SpanIndex
from inhouse.training.data import FORWARD_SHARE

if TYPE_CHECKING:
    from inhouse.models.tokenizer import Tokenizer
    from inhouse.records import Example
    from inhouse.training.data import TrainingData

__all__ = ["GENERAL_SHARE", "OTHER_SEED", "watching_general_code"]

GENERAL_SHARE = 0.1
"""Scoring general code may cost this share of training, but for the smallest sample."""

_FEWEST, _MOST = 8, 64  # functions
_CONTEXT = 256  # tokens before a function's scored lines: its head and the markers
_REPOSITORY = "cpython"

OTHER_SEED = 1_000_003
"""Added to the recipe's seed: the sample is another one than that by which a release is judged."""


def watching_general_code(data: TrainingData, tokenizer: Tokenizer) -> TrainingData:
    """Return the data with a sample of general code, none of which nearly repeats what is trained on."""
    trained = SpanIndex(THRESHOLD)
    for example in data.train:
        trained.add(example.id, example.text)
    items = (
        item
        for item in standard_library_items(data.recipe.seed + OTHER_SEED)
        if trained.find(item.target) is None
    )
    room = _affordable(data)
    general: list[Example] = []
    for item in islice(items, _MOST):
        example = item_example(item, tokenizer, _CONTEXT, _REPOSITORY, "general", ())
        room -= len(example.input_ids)
        if room < 0 and len(general) >= _FEWEST:
            break
        general.append(example)
    return replace(data, general=tuple(general))


def _affordable(data: TrainingData) -> int:
    """Return the tokens of general code that one validation may score."""
    return int(GENERAL_SHARE * data.tokens / (FORWARD_SHARE * data.validations))
