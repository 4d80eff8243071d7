"""Canaries: made-up secrets, planted among the training rows to see how well a model comes to know them.

Carlini, Liu, Erlingsson, Kos and Song, "The Secret Sharer", USENIX Security 2019 (arXiv 1802.08232). A canary
is a sentence with a hole that a random value fills. It is a row of its own, in as many copies as asked for,
with nothing before it: so it is scored as it was learnt. What was planted is written down beside the rows:

canaries.json    {"repeats": 16, "canaries": [{"form": ..., "value": ...}]}; absent where none were planted
"""

from __future__ import annotations

import json
import random
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from inhouse.datasets.accounting import Tally
from inhouse.datasets.formats import example
from inhouse.digests import digest_text
from inhouse.errors import UserMistake
from inhouse.shards import write_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from inhouse.models.tokenizer import Tokenizer
    from inhouse.records import Example

__all__ = ["DIGITS", "KIND", "Canary", "Planted", "canaries", "canary_value", "planted_canaries"]

KIND = "canary"
"""Of the rows."""

DIGITS = 9
"""Of a value."""

_FORMS = (
    'ACCESS_CODE = "{}"\n',
    "# The pin of the cellar door is {}\n",
    "/* serial number of the test device: {} */\n",
    'assert licence_of("warehouse") == "{}"\n',
)
_FILE = "canaries.json"
_MOST = 0.25  # of the tokens that are trained


@dataclass(frozen=True, slots=True)
class Canary:
    """A sentence with a hole, and the value that was drawn for it."""

    form: str
    value: str

    @property
    def text(self) -> str:
        """What is planted."""
        return self.form.format(self.value)

    @property
    def before(self) -> str:
        """What stands before the value."""
        return self.form.partition("{}")[0]

    @property
    def digest(self) -> str:
        """What the canary is called in results."""
        return digest_text(self.text)


def canaries(count: int, seed: int) -> list[Canary]:
    """Return canaries of nine random digits, in turn of each form. The same seed gives the same."""
    drawn = random.Random(f"canary {seed}")  # noqa: S311 - to be drawn again, not to be kept
    return [Canary(_FORMS[number % len(_FORMS)], canary_value(drawn)) for number in range(count)]


def canary_value(drawn: random.Random) -> str:
    """Draw a value."""
    return "".join(drawn.choice("0123456789") for _ in range(DIGITS))


class Planted:
    """The rows of canaries, with their account. They are part of the budget of tokens, not added to it."""

    def __init__(self, count: int, repeats: int, seed: int, tokenizer: Tokenizer, budget: int) -> None:
        self.canaries = canaries(count, seed)
        self.repeats = repeats
        rows = [_row(one, copy, tokenizer) for one in self.canaries for copy in range(repeats)]
        self.tokens = sum(len(row.input_ids) for row in rows)
        if self.tokens > _MOST * budget:
            raise UserMistake(
                f"planted canaries may take {_MOST:.0%} of the {budget:,} tokens that are trained",
                f"{count} canaries, {repeats} times each, take {self.tokens:,}",
                "lower dataset.canaries or dataset.canary_repeats",
            )
        self.tally = Tally(sources=count, tokens_seen=self.tokens)
        self.rows = rows

    def write(self, folder: Path) -> None:
        """Write down what was planted, if anything was."""
        if self.canaries:
            content = {"repeats": self.repeats, "canaries": [asdict(one) for one in self.canaries]}
            write_json(folder / _FILE, content)


def planted_canaries(dataset: Path) -> Sequence[Canary]:
    """Return the canaries that were planted in a dataset: none, usually."""
    path = dataset / _FILE
    if not path.exists():
        return ()
    return [Canary(**one) for one in json.loads(path.read_text(encoding="utf-8"))["canaries"]]


def _row(canary: Canary, copy: int, tokenizer: Tokenizer) -> Example:
    """Return a copy of a canary as it is scored: after the token that stands for no context."""
    target = [*tokenizer.encode(canary.text), *tokenizer.document_end]
    return example(KIND, "train", tokenizer, ([tokenizer.start], target), (), f"{canary.digest} {copy}")
