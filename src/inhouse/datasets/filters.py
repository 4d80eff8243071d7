"""Filters: which rows are not worth training on, each with its reason. All are off unless settings ask.

The shape rules are those of Gopher (Rae et al. 2021, https://arxiv.org/abs/2112.11446, appendix A) and of The
Stack (Kocetkov et al. 2022, https://arxiv.org/abs/2211.15533), on rows instead of documents. A row is seen as
its text without markers; of an instruction only the answer, but for words, which may stand in both.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inhouse.config import Filters
from inhouse.datasets.builders import all_builders
from inhouse.hygiene.duplicates import NearIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from inhouse.models.tokenizer import Tokenizer
    from inhouse.records import Example

    Rule = Callable[["Shown", Filters], str]

__all__ = ["RowFilters", "Shown", "toxic_word"]

_GRAM = 10  # words
_WORD = re.compile(r"\w+")
_DIRECTIVE = re.compile(r"#\s*(?:include|define|undef|if|ifdef|ifndef|else|elif|endif|pragma|error)\b")
_COMMENT = re.compile(r"#|//|/\*|--[ ]|;;")
_STUB = re.compile(r"(?:pass|\.\.\.|raise NotImplementedError.*|todo!\(.*|unimplemented!\(.*)")
_FENCE = re.compile(r"```[\w+-]*\n(.*?)(?:```|\Z)", re.DOTALL)
_ASKED_TEST = re.compile(r"Write a test of `([^`]+)`")
_DIFFS = frozenset({"task", "ticket", "refactor"})  # kinds whose answer is a diff
_FUNCTIONS = frozenset({"implementation", "test"})  # kinds whose answer is a function

_TOXIC = frozenset(
    """
    asshole assholes bastard bastards bitch bitches bollocks bullshit cunt cunts dickhead dickheads fag faggot
    faggots fags fuck fucked fucker fuckers fucking fucks gook gooks kike kikes motherfucker motherfuckers
    nigger niggers paki pakis prick pricks retard retarded retards shit shits shitty slut sluts spic spics
    tranny trannies twat twats wanker wankers wetback wetbacks whore whores
    """.split()  # noqa: SIM905 - a list to read
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A row as a filter sees it."""

    kind: str
    tokens: int
    question: str  # "" where the row is no instruction
    text: str  # the answer, or all that carries loss

    @property
    def code(self) -> str:
        """The fenced code of the text, or all of it where nothing is fenced."""
        return "\n".join(_FENCE.findall(self.text)) or self.text

    @property
    def lines(self) -> list[str]:
        """The lines that are not blank."""
        return [line for line in self.code.split("\n") if line.strip()]


class RowFilters:
    """The filters that the settings ask for, in the order in which a row meets them."""

    def __init__(self, settings: Filters, tokenizer: Tokenizer) -> None:
        self._settings = settings
        self._tokenizer = tokenizer
        self._words = frozenset(word.lower() for word in settings.toxic_words)
        self._words |= _TOXIC if settings.toxicity else frozenset()
        self._rows = NearIndex(settings.similarity) if settings.similarity is not None else None
        self._number = 0

    def reason(self, row: Example) -> str:
        """Return why a row is dropped, or "". Of copies the first that is asked about stays."""
        return self.reason_alone(row) or self._copy(row)

    def reason_alone(self, row: Example) -> str:
        """Return why a row is dropped, whatever other rows there are, or ""."""
        if not self._active:
            return ""
        shown = self.shown(row)
        found = self._unfit(shown, (_length, _repetition, _shape, _comments, _trivial))
        return found or (_adherence(shown) if self._settings.adherence else "")

    def pair_reason(self, prompt: str, *sides: str) -> str:
        """Return why a pair is dropped for one of its sides, or "". They are short by nature: no length."""
        shown = (Shown("preference", 0, prompt, side) for side in sides)
        found = (self._unfit(each, (_repetition, _shape, _comments)) for each in shown)
        return next(filter(None, found), "")

    def shown(self, row: Example) -> Shown:
        """Return a row as filters see it."""
        before, after = (self._tokenizer.decode(ids) for ids in _parts(row))
        builder = all_builders().get(row.kind)
        chats = builder is not None and builder.chats
        return Shown(row.kind, len(row.input_ids), before if chats else "", after)

    def _unfit(self, shown: Shown, rules: Sequence[Rule]) -> str:
        for rule in rules:
            if found := rule(shown, self._settings):
                return found
        toxic = toxic_word(f"{shown.question}\n{shown.text}", self._words)
        return "holds a word of the toxicity list" if toxic else ""

    @property
    def _active(self) -> bool:
        return self._settings != Filters()

    def _copy(self, row: Example) -> str:
        if self._rows is None:
            return ""
        self._number += 1
        return "a copy of an earlier row" if self._rows.find_or_add(self._number, row.text) else ""


def toxic_word(text: str, words: frozenset[str]) -> str:
    """Return the first whole word of a text that is one of `words`, in lower case, or "".

    Names in code are taken apart at underscores and capitals: `set_foo`, `setFoo`.
    """
    if not words:
        return ""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", text)
    return next((word for word in map(str.lower, parts) if word in words), "")


def _parts(row: Example) -> tuple[list[int], list[int]]:
    pairs = list(zip(row.input_ids, row.trained, strict=True))
    return [id_ for id_, own in pairs if not own], [id_ for id_, own in pairs if own]


def _length(shown: Shown, settings: Filters) -> str:
    return "too short" if shown.tokens < settings.min_tokens else ""


def _repetition(shown: Shown, settings: Filters) -> str:
    if (
        settings.repeated_lines < 1
        and _repeated([line.strip() for line in shown.lines]) > settings.repeated_lines
    ):
        return "repeats its lines"
    if settings.repeated_ngrams < 1:
        words = _WORD.findall(shown.code)
        grams = [" ".join(words[at : at + _GRAM]) for at in range(len(words) - _GRAM + 1)]
        if _repeated(grams) > settings.repeated_ngrams:
            return "repeats its words"
    return ""


def _repeated(parts: Sequence[str]) -> float:
    return 1 - len(Counter(parts)) / len(parts) if parts else 0.0


def _shape(shown: Shown, settings: Filters) -> str:
    longest = settings.line_characters
    if longest is not None and any(len(line) > longest for line in shown.lines):
        return "has a very long line"
    solid = "".join(shown.code.split())
    if solid and 1 - sum(map(str.isalnum, solid)) / len(solid) > settings.symbols:
        return "is mostly symbols"
    return ""


def _comments(shown: Shown, settings: Filters) -> str:
    lines = shown.lines
    return "is mostly comments" if lines and _commented(lines) / len(lines) > settings.comments else ""


def _commented(lines: Sequence[str]) -> int:
    """Return how many lines are comments, by how they begin: a heading of Markdown counts as one."""
    count, inside = 0, False
    for line in map(str.strip, lines):
        begins = _COMMENT.match(line) is not None and not _DIRECTIVE.match(line)
        count += begins or inside
        if inside or line.startswith("/*"):
            inside = "*/" not in line
    return count


def _trivial(shown: Shown, settings: Filters) -> str:
    if shown.kind not in _FUNCTIONS:
        return ""
    signature = 1 if shown.kind == "implementation" else 0
    return "a trivial function" if len(shown.lines) + signature < settings.function_lines else ""


def _adherence(shown: Shown) -> str:
    """Return what is wrong with the answer to an instruction."""
    if not shown.question:
        return ""
    if not _WORD.search(shown.code):
        return "the answer is empty"
    answer = " ".join(shown.code.split())
    if len(answer) >= 40 and answer in " ".join(shown.question.split()):
        return "the answer repeats the question"
    return _missing(shown)


def _missing(shown: Shown) -> str:
    asked = _ASKED_TEST.search(shown.question)
    missing = {
        "implementation": all(_STUB.fullmatch(line.strip()) for line in shown.lines),
        "test": asked is not None and asked[1].rpartition(".")[2] not in _WORD.findall(shown.text),
    } | dict.fromkeys(_DIFFS, not any(line.startswith(("+", "-")) for line in shown.lines))
    return "the answer lacks what was asked for" if missing.get(shown.kind, False) else ""
