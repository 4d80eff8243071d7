"""How a tokenizer spells the code of a repository, and what tokens of its own would save.

A name is a run of letters, digits and underscores that begins with no digit, outside comments. It is
*fragmented* when it takes three tokens or more by itself. The rule of thumb: with more than 20% of the names
fragmented, consider more tokens; otherwise go on without. A new token is a whole name, as `add_tokens` of
transformers makes it with `single_word`: the text is cut at it, and what stands between is encoded by itself.

    old    | get| _| customer| _| ids| (|      6 tokens, 5 of them the name's
    new    | | get_customer_ids| (|            3: the space has to stand alone, so that 3 are saved, not 4
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import asdict, dataclass, field
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from inhouse.languages import is_code

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from inhouse.datasets.material import SourceFile
    from inhouse.models.tokenizer import Tokenizer

__all__ = [
    "FRAGMENTED",
    "MOST_FRAGMENTED",
    "Embeddings",
    "Extension",
    "Name",
    "Spelling",
    "count_with",
    "spelling",
]

FRAGMENTED = 3
"""Tokens from which a name counts as fragmented."""

MOST_FRAGMENTED = 0.2
"""Share of fragmented names up to which a vocabulary is left as it is."""

_NAME = re.compile(r"[^\W\d]\w*")
_WORST = 50


@dataclass(slots=True)
class Name:
    """A name with what it costs in the training text."""

    name: str
    tokens: int  # by itself
    defined: bool = False  # the repository defines it
    occurrences: int = 0
    tokens_spent: int = 0  # that hold a part of it, in the text
    saving: int = 0  # of a token of its own, added up over the places, if it is the only new one

    @property
    def excess(self) -> int:
        """Tokens spent beyond one for each occurrence."""
        return self.tokens_spent - self.occurrences


@dataclass(frozen=True, slots=True)
class Embeddings:
    """What a row of a model's embeddings costs."""

    width: int
    tied: bool  # the same row serves input and output
    spare: int = 0  # rows that the model has beyond its vocabulary

    @classmethod
    def of(cls, config: Mapping[str, Any], vocabulary: int) -> Embeddings:
        """Read them from a model's `config.json`."""
        tied = bool(config.get("tie_word_embeddings", False))
        return cls(int(config["hidden_size"]), tied, max(0, int(config["vocab_size"]) - vocabulary))

    def weights(self, tokens: int) -> int:
        """Return the number of weights that new tokens have to be learnt in."""
        return tokens * self.width * (1 if self.tied else 2)


@dataclass(frozen=True, slots=True)
class Extension:
    """What new tokens would save, counted by encoding the text anew."""

    names: tuple[str, ...]
    tokens_saved: int
    share_saved: float  # of the tokens of the text
    weights: int  # that would have to be learnt: new rows start from nothing
    occurrences: int  # in the text, to learn them from


@dataclass(slots=True)
class Spelling:
    """What was counted. Everything is exact."""

    languages: dict[str, Counter[str]] = field(default_factory=dict)  # files, characters, tokens
    names: dict[str, Name] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        """Of the whole text."""
        return sum(own["tokens"] for own in self.languages.values())

    def fragmented(self, *, defined: bool = False) -> float:
        """Return the share of distinct names of three tokens or more; with `defined`, of the own ones."""
        names = [name for name in self.names.values() if name.defined or not defined]
        return sum(name.tokens >= FRAGMENTED for name in names) / max(1, len(names))

    def worst(self, count: int = _WORST) -> list[Name]:
        """Return the fragmented names that cost the most tokens beyond one for each occurrence."""
        found = [name for name in self.names.values() if name.tokens >= FRAGMENTED]
        return sorted(found, key=lambda name: (-name.excess, name.name))[:count]

    def choose(self, count: int) -> list[str]:
        """Return up to `count` names to make tokens of: the ones that save most, while they save at all.

        Names never overlap, so that what each saves adds up, but where two stand side by side.
        """
        useful = [name for name in self.names.values() if name.saving > 0]
        ranked = sorted(useful, key=lambda name: (-name.saving, name.name))
        return [name.name for name in ranked[:count]]

    def extension(self, count: int, tokenizer: Tokenizer, embeddings: Embeddings) -> Extension:
        """Return what `count` new tokens would save, or fewer where no more save anything."""
        chosen = self.choose(count)
        saved = self.tokens - count_with(self.texts, tokenizer, chosen)
        return Extension(
            tuple(chosen),
            saved,
            saved / max(1, self.tokens),
            embeddings.weights(len(chosen)),
            sum(self.names[name].occurrences for name in chosen),
        )

    def report(
        self, tokenizer: Tokenizer, embeddings: Embeddings, sizes: Sequence[int] = (10, 100, 1_000)
    ) -> dict[str, Any]:
        """Return everything as plain values."""
        share = self.fragmented()
        useful = sum(name.saving > 0 for name in self.names.values())
        wanted = dict.fromkeys(min(size, useful) for size in sizes if useful)
        return {
            "languages": [_language(name, own) for name, own in sorted(self.languages.items())],
            "names": len(self.names),
            "names_defined": sum(name.defined for name in self.names.values()),
            "fragmented": share,
            "fragmented_defined": self.fragmented(defined=True),
            "rule": _rule(share),
            "tokens": self.tokens,
            "tokens_of_names": sum(name.tokens_spent for name in self.names.values()),
            "worst": [asdict(name) for name in self.worst()],
            "extensions": [asdict(self.extension(size, tokenizer, embeddings)) for size in wanted],
            "embeddings": asdict(embeddings),
        }


def spelling(files: Iterable[SourceFile], tokenizer: Tokenizer) -> Spelling:
    """Count how a tokenizer spells files: all of them by language, and the names of those that are code."""
    found = Spelling()
    count = cache(lambda text: len(tokenizer.encode(text)))
    for file in files:
        ids = tokenizer.encode(file.text)
        own = found.languages.setdefault(file.language, Counter())
        own.update(files=1, characters=len(file.text), tokens=len(ids))
        found.texts.append(file.text)
        if is_code(file.language):
            _count_names(found.names, file, tokenizer.byte_lengths(ids), count)
    found.names = {word: name for word, name in found.names.items() if name.occurrences}
    return found


def count_with(texts: Iterable[str], tokenizer: Tokenizer, names: Collection[str]) -> int:
    """Return how many tokens texts take when each of `names` is a token, wherever it is a whole word.

    Comments and documents are text like any other here: a tokenizer does not know them apart.
    """
    chosen = set(names)
    total = 0
    for text in texts:
        end = 0
        for match in _NAME.finditer(text):
            if match[0] in chosen:
                total += len(tokenizer.encode(text[end : match.start()])) + 1
                end = match.end()
        total += len(tokenizer.encode(text[end:]))
    return total


def _count_names(
    names: dict[str, Name], file: SourceFile, lengths: Sequence[int], count: Callable[[str], int]
) -> None:
    raw = file.text.encode("utf-8", "replace")
    edges = [0, *accumulate(lengths)]
    if edges[-1] != len(raw):  # a character that the vocabulary cannot spell: bytes do not line up
        return
    defined = {symbol.name for symbol in file.parsed.symbols}
    for word, start, end, in_code in _placed_names(file):
        name = names.get(word)
        if name is None:
            name = names[word] = Name(word, count(word))
        name.defined |= word in defined
        first, behind = bisect_right(edges, start) - 1, bisect_left(edges, end)
        name.saving += _saving(raw, edges, first, behind, (start, end), count)
        if in_code:
            name.occurrences += 1
            name.tokens_spent += behind - first


def _placed_names(file: SourceFile) -> Iterator[tuple[str, int, int, bool]]:
    """Yield names with their span of bytes, and whether they stand outside comments."""
    comments = [(comment.start, comment.end) for comment in file.parsed.comments]
    position = offset = 0
    for match in _NAME.finditer(file.text):
        start = offset + len(file.text[position : match.start()].encode("utf-8", "replace"))
        end = start + len(match[0].encode("utf-8", "replace"))
        position, offset = match.end(), end
        number = bisect_right(comments, (start, len(file.text) * 4)) - 1
        inside = number >= 0 and comments[number][0] <= start < comments[number][1]
        yield match[0], start, end, not inside


def _saving(
    raw: bytes,
    edges: Sequence[int],
    first: int,
    behind: int,
    span: tuple[int, int],
    count: Callable[[str], int],
) -> int:
    """Return how many tokens less a place takes when its name is one token."""
    start, end = span
    while first > 0 and raw[edges[first - 1] : edges[first]].isspace():
        first -= 1  # blanks before a name are spelled otherwise when nothing follows them
    before = raw[edges[first] : start].decode("utf-8", "replace")
    after = raw[end : edges[behind]].decode("utf-8", "replace")
    return behind - first - 1 - count(before) - count(after)


def _language(name: str, own: Counter[str]) -> dict[str, Any]:
    return {"language": name, **own, "characters_per_token": own["characters"] / max(1, own["tokens"])}


def _rule(share: float) -> str:
    told = f"{share:.0%} of the names take {FRAGMENTED} tokens or more"
    if share > MOST_FRAGMENTED:
        return f"{told}, more than {MOST_FRAGMENTED:.0%}: consider tokens of your own, if the savings pay"
    return f"{told}, not more than {MOST_FRAGMENTED:.0%}: the vocabulary can stay as it is"
