"""The prompted arm, what a team would do without training: conventions and examples stand in the prompt.

    # Conventions of this repository: ...      half of the room at most, what matters most first
    <a short documented function>              as many as fit, those most like the rest of the repository

Everything is mined from the tree at the cut. The text is the same for every item of a language, so that a
server could keep it in its cache; the arm pays for it with the beginning of the file, as retrieval does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from inhouse.datasets.formats import first_lines
from inhouse.digests import digest_text
from inhouse.evaluation.arms import Arm
from inhouse.evaluation.likelihood import score_shards
from inhouse.languages import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from inhouse.evaluation.arms import Bench
    from inhouse.evaluation.conventions import Profile
    from inhouse.languages.parsed import Parsed
    from inhouse.models.tokenizer import Tokenizer
    from inhouse.records import Item, Score

__all__ = ["PROMPTED", "PROMPTED_ARM", "PromptText", "example_functions", "score_prompted"]

PROMPTED = "prompted"
PROMPTED_ARM = Arm("prompted", tuned=False, text=PROMPTED)

_CHARACTERS = 4  # of a token, about: what is offered is cut to tokens afterwards
_FEWEST_LINES, _MOST_LINES = 4, 20  # of an example
_EXAMPLES = 8  # of a language, offered; as many as fit are taken
_COMMENTS = {"python": "#"}


@dataclass(frozen=True, slots=True)
class PromptText:
    """What stands before the file in the prompted arm, for an item of any language."""

    profile: Profile
    examples: dict[str, list[str]]  # by language, best first
    tokenizer: Tokenizer
    room: int  # tokens
    _texts: dict[tuple[str, float], str] = field(default_factory=dict)

    def __call__(self, item: Item, scale: float = 1.0) -> str:
        """Return the text for an item's language; "" where nothing is known of it. `scale` is of the room."""
        key = item.language, scale
        if key not in self._texts:
            self._texts[key] = self._text(item.language, round(self.room * scale))
        return self._texts[key]

    def _text(self, language: str, room: int) -> str:
        sentences = self.profile.describe(room * _CHARACTERS // 2, language)
        mark = _COMMENTS.get(language, "//")
        parts = [f"{mark} {line}\n" for line in sentences.splitlines() if line.strip()]
        for example in self.examples.get(language, ()):
            wider = [*parts, "\n", example]
            if len(self.tokenizer.encode("".join(wider))) <= room:
                parts = wider
        return first_lines("".join(parts), self.tokenizer, room)


def example_functions(files: Iterable[tuple[str, str]], seed: int) -> dict[str, list[str]]:
    """Return short documented functions of a tree by language, one of a file, in an order by digest.

    Test files are left to the end of the order: a newcomer is shown what the product looks like.
    """
    found: dict[str, list[tuple[bool, str, str]]] = {}
    for path, text in files:
        parsed = parse(path, text)
        if functions := _documented(parsed, text):
            chosen = min(functions, key=lambda function: digest_text(f"{seed} {function}"))
            order = digest_text(f"{seed} {path}")
            found.setdefault(parsed.language, []).append(("test" in path.lower(), order, chosen))
    return {language: [text for *_, text in sorted(rows)[:_EXAMPLES]] for language, rows in found.items()}


def score_prompted(bench: Bench, items: Sequence[Item], text: PromptText) -> list[Score]:
    """Score the prompted arm on items that the other arms were scored on, in shards `scores-NNNNN`."""
    planned = [bench.cases(item, [PROMPTED_ARM], {PROMPTED: text}) for item in items]
    return score_shards(bench, planned, "scores", "prompted arm")


def _documented(parsed: Parsed, text: str) -> list[str]:
    raw = text.encode("utf-8", "surrogatepass")
    functions = []
    for symbol in parsed.symbols:
        lines = symbol.end_line - symbol.start_line + 1
        if symbol.kind == "function" and symbol.docstring and _FEWEST_LINES <= lines <= _MOST_LINES:
            functions.append(raw[symbol.start : symbol.end].decode("utf-8", "replace").rstrip() + "\n")
    return functions
