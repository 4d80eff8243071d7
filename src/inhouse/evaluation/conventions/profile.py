"""The profile of a repository: which habits it keeps, how strictly, and whether new code keeps them.

A habit is a convention where at least 90% of its sites, and at least ten sites in two files, follow it. An
answer keeps a convention when every site of it in the answer does, so that a long answer with thirty strings
does not outweigh its one wrong name. Sites of tests are counted apart: tests have habits of their own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from inhouse.evaluation.conventions.c import c_sites
from inhouse.evaluation.conventions.python import exception_classes, python_sites
from inhouse.evaluation.conventions.sentences import ASPECTS, IMPORT, import_sentence, sentence
from inhouse.evaluation.conventions.sites import Known, Site
from inhouse.evaluation.syntax import GRAMMARS, byte_offset, encode
from inhouse.languages import detect, is_test

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["MIN_FILES", "MIN_SITES", "MIN_STRENGTH", "Convention", "Profile", "Verdict", "profile"]

MIN_STRENGTH = 0.9
MIN_SITES = 10
MIN_FILES = 2

_NOT_THE_CODE = frozenset({"benchmarks", "demo", "demos", "doc", "docs", "example", "examples", "samples"})
_LIMITS = (72, 76, 79, 80, 88, 90, 95, 99, 100, 110, 119, 120, 132, 140, 160)
_CHUNK = 12  # lines that count as one place where the width was kept
_NEAR = 8  # columns on both sides of a limit
_CLIFF = 0.1  # lines just beyond a limit, against those just within it
_CROWD = 0.3  # lines on the next column, against the mean of the columns before, that say it is allowed
_MOST_EXCEPTIONS = 8


@dataclass(frozen=True, slots=True)
class Convention:
    """One habit of a repository, with its strength."""

    language: str
    tests: bool  # is it the habit of tests, or of all other code?
    aspect: str
    value: str
    kept: int  # sites that follow it
    sites: int
    files: int

    @property
    def strength(self) -> float:
        """Share of the sites that follow it."""
        return self.kept / self.sites

    @property
    def counts(self) -> bool:
        """Is it kept strictly and often enough to be asked of new code?"""
        return self.strength >= MIN_STRENGTH and self.sites >= MIN_SITES and self.files >= MIN_FILES

    @property
    def sentence(self) -> str:
        """The convention in plain words."""
        return sentence(self.aspect, self.value)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many conventions applied to a span, how many it kept, and a note for each that it broke."""

    kept: int
    applicable: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """The habits of a repository, strict ones and others; files by language are what they were seen in."""

    habits: tuple[Convention, ...]
    files: Mapping[str, int]
    exceptions: tuple[str, ...] = ()  # its own exception classes, the most raised first
    packages: tuple[str, ...] = ()
    _strict: dict[tuple[str, bool, str], Convention] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        strict = {(one.language, one.tests, one.aspect): one for one in self.habits if one.counts}
        object.__setattr__(self, "_strict", strict)

    @property
    def conventions(self) -> tuple[Convention, ...]:
        """The habits that are kept strictly enough to count."""
        return tuple(self._strict.values())

    def describe(self, budget_characters: int, language: str = "", *, tests: bool = False) -> str:
        """Return the conventions in plain sentences, what matters most first, within a number of characters.

        Only those of one language where one is named.
        """
        lines: list[str] = []
        size = 0
        for line in self._sentences(language, tests):
            if size + len(line) + 1 <= budget_characters:
                lines.append(line)
                size += len(line) + 1
        return "\n".join(lines)

    def _sentences(self, language: str, tests: bool) -> Iterator[str]:
        wanted = [one for one in self.conventions if one.tests == tests and language in ("", one.language)]
        if self.exceptions and not tests and language in ("", "python"):
            yield f"The project's own exceptions are {', '.join(self.exceptions[:_MOST_EXCEPTIONS])}."
        imports = [one for one in wanted if one.aspect.startswith(IMPORT)]
        if imports:
            yield import_sentence([one.value for one in sorted(imports, key=_by_alias)])
        others = [one for one in wanted if not one.aspect.startswith(IMPORT)]
        many = len({one.language for one in wanted}) > 1
        for one in sorted(others, key=_rank):
            yield f"{one.language.capitalize()}: {one.sentence}" if many else one.sentence

    def judge(self, language: str, code_in_file: str, span: tuple[int, int], path: str = "") -> Verdict:
        """Judge the span (characters) of a file against the conventions of its language.

        A convention applies when the span has a site of it, and is kept when all those sites follow it.
        """
        source = encode(code_in_file)
        start, end = (byte_offset(code_in_file, offset) for offset in span)
        tests = is_test(path, language) if path else False
        known = Known(frozenset(self.exceptions), frozenset(self.packages))
        applied: dict[str, Site | None] = {}
        for site in _sites(language, source, path, known):
            rule = self._strict.get((language, tests, site.aspect))
            if rule is not None and start <= site.start < end:
                broken = site if site.value != rule.value else None
                applied[site.aspect] = applied.get(site.aspect) or broken
        notes = [
            f"{self._strict[language, tests, aspect].sentence} Here: {site.shown}"
            for aspect, site in applied.items()
            if site
        ]
        limit = self._strict.get((language, tests, "width"))
        if limit is not None and code_in_file[slice(*span)].strip():
            applied["width"] = None
            longest = _longest_line(code_in_file, span)
            if longest > int(limit.value):
                notes.append(f"{limit.sentence} Here: {longest}")
        return Verdict(len(applied) - len(notes), len(applied), tuple(notes))

    def to_json(self) -> dict[str, Any]:
        """Return the profile in plain values."""
        return {
            "habits": [asdict(one) for one in self.habits],
            "files": dict(self.files),
            "exceptions": list(self.exceptions),
            "packages": list(self.packages),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Profile:
        """Return the profile that `to_json` gave."""
        habits = tuple(Convention(**one) for one in values["habits"])
        return cls(habits, values["files"], tuple(values["exceptions"]), tuple(values["packages"]))


def profile(files: Iterable[tuple[str, str]]) -> Profile:
    """Mine the conventions of a tree, given as (path, text).

    Files of other languages are passed over, and so are examples and documentation: they are written for
    others. What hygiene removed (vendored and generated files) is not to be given.
    """
    read = [(path, text, detect(path, text)) for path, text in files if not _is_aside(path)]
    read = [(path, text, language) for path, text, language in read if language in GRAMMARS]
    python = [(path, text) for path, text, kind in read if kind == "python" and not is_test(path, kind)]
    known = Known(exception_classes(text for _, text in python), _packages([path for path, _ in python]))
    tally = _Tally()
    raised: Counter[str] = Counter()
    for path, text, language in read:
        tests = is_test(path, language)
        for site in _sites(language, encode(text), path, known):
            if site.aspect == "python.own_exception":
                raised[site.value] += 1
            else:
                tally.add(language, tests, path, site.aspect, site.value)
        tally.add_widths(language, tests, text)
    exceptions = sorted(known.exceptions, key=lambda name: (-raised[name], name))
    return Profile(
        habits=tuple(tally.habits()),
        files=dict(sorted(Counter(language for _, _, language in read).items())),
        exceptions=tuple(exceptions),
        packages=tuple(sorted(known.packages)),
    )


class _Tally:
    """Counts sites by what they decide and how."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, bool, str], Counter[str]] = defaultdict(Counter)
        self._files: dict[tuple[str, bool, str], set[str]] = defaultdict(set)
        self._widths: dict[tuple[str, bool], list[int]] = defaultdict(list)  # of every line
        self._chunks: dict[tuple[str, bool], list[int]] = defaultdict(list)  # the longest line of each
        self._counted: Counter[tuple[str, bool]] = Counter()

    def add(self, language: str, tests: bool, path: str, aspect: str, value: str) -> None:
        self._values[language, tests, aspect][value] += 1
        self._files[language, tests, aspect].add(path)

    def add_widths(self, language: str, tests: bool, text: str) -> None:
        widths = [len(line) for line in text.split("\n") if line.strip()]
        self._counted[language, tests] += 1
        self._widths[language, tests] += widths
        self._chunks[language, tests] += [
            max(widths[start : start + _CHUNK]) for start in range(0, len(widths), _CHUNK)
        ]

    def habits(self) -> Iterator[Convention]:
        """Yield the commonest habit of each aspect that has ten sites, by language, tests last, by name."""
        for (language, tests, aspect), values in sorted(self._values.items()):
            if values.total() < MIN_SITES:
                continue
            value, kept = min(values.items(), key=lambda pair: (-pair[1], pair[0]))
            files = len(self._files[language, tests, aspect])
            yield Convention(language, tests, aspect, value, kept, values.total(), files)
        for (language, tests), widths in sorted(self._widths.items()):
            chunks = self._chunks[language, tests]
            limit = line_limit(widths, chunks)
            if limit:
                kept = sum(width <= limit for width in chunks)
                files = self._counted[language, tests]
                yield Convention(language, tests, "width", str(limit), kept, len(chunks), files)


def line_limit(widths: Sequence[int], chunks: Sequence[int]) -> int:
    """Return the limit that lines were wrapped at, 0 where there is none.

    Any limit is kept by most lines, which are short; a real one shows as a cliff: many lines end just before
    it and next to none just behind.
    """
    for limit in _LIMITS:
        within = sum(limit - _NEAR < width <= limit for width in widths)
        beyond = sum(limit < width <= limit + _NEAR for width in widths)
        strict = sum(width <= limit for width in chunks) >= MIN_STRENGTH * len(chunks)
        if strict and within >= MIN_SITES and beyond <= _CLIFF * within:
            following = widths.count(limit + 1)
            return limit + 1 if limit + 1 in _LIMITS and following > _CROWD * within / _NEAR else limit
    return 0


def _sites(language: str, source: bytes, path: str, known: Known) -> list[Site]:
    if language == "python":
        return python_sites(source, known)
    return c_sites(source, path) if language == "c" else []


def _is_aside(path: str) -> bool:
    return not _NOT_THE_CODE.isdisjoint(path.lower().split("/")[:-1])


def _packages(paths: Iterable[str]) -> frozenset[str]:
    """Return the names of the packages that do not lie in another one."""
    folders = {path.removesuffix("/__init__.py") for path in paths if path.endswith("/__init__.py")}
    return frozenset(
        folder.rpartition("/")[2] for folder in folders if folder.rpartition("/")[0] not in folders
    ) - {"tests", "test"}


def _longest_line(text: str, span: tuple[int, int]) -> int:
    """Return the length of the longest line that ends or begins within a span."""
    start = text.rfind("\n", 0, span[0]) + 1
    if span[0] < len(text) and text[span[0]] == "\n":
        start = span[0] + 1
    end = text.find("\n", span[1])
    whole = text[start : span[1] if text[: span[1]].endswith("\n") else end if end >= 0 else len(text)]
    return max(map(len, whole.split("\n")))


def _by_alias(one: Convention) -> tuple[bool, bool, int]:
    """Order imports by how much their form says: renamed ones first, plain ones last."""
    return " as " not in one.value, one.value.startswith("import "), -one.sites


def _rank(one: Convention) -> tuple[int, int, str, str]:
    """Order by what a newcomer needs first: errors and names before layout."""
    name = one.aspect.partition(".")[2] or one.aspect
    key = next((key for key in ASPECTS if name == key or (key.endswith(":") and name.startswith(key))), None)
    place = ASPECTS.index(key) if key is not None else len(ASPECTS)
    return (place, -one.sites if key and key.endswith(":") else 0, name, one.language)
