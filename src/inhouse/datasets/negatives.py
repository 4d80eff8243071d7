"""Code that was wrong, with what was wrong about it: to be judged, never to be imitated.

    reverted      what a commit added and a later one took back
    later fixed   lines of a training commit that a later commit, which says that it fixes, replaced
    in review     the same where the later commit says that a review asked for it, or is a fixup! of it: the
                  version before is the one that was not accepted
    insecure      calls that a rule of `insecure` is about, in the tree at the training cut

What stands in the tree at the cut again was right after all and is left out, but for what is insecure.
`Guard` takes the loss off all of them in every row, of whatever kind.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from inhouse.datasets.insecure import insecure_calls
from inhouse.datasets.messages import read_message
from inhouse.datasets.patches import new_text, old_text
from inhouse.datasets.windows import split_lines
from inhouse.digests import digest_json
from inhouse.languages import is_code, is_test

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from inhouse.datasets.material import SourceFile
    from inhouse.datasets.messages import Message
    from inhouse.datasets.patches import FilePatch, Patch
    from inhouse.models.tokenizer import Tokenizer
    from inhouse.records import Example, Hunk

__all__ = ["Guard", "Negative", "Preference", "find_negatives", "plain", "preference"]

_REVERTS = re.compile(r"This reverts (?:commit )?([0-9a-f]{7,40})")
_QUOTED = re.compile(r"^(?:Revert|revert|Reverted)\s+[\"“'](.+)[\"”']")
_BOILERPLATE = re.compile(
    r"^(?:[*-]\s*)?(?:This reverts |Reverts? |\(cherry picked|PR-URL|Conflicts:|Refs?:|See).*$", re.M
)
_NOT_BUGS = re.compile(
    r"\b(?:typos?|docs?|documentation|comments?|spelling|tests?|lint\w*|style|format\w*|warnings?|mypy|types?"
    r"|typing|whitespace|indent\w*|flake8|ruff|build|links?|imports?|names?|grammar|wording)\b",
    re.IGNORECASE,
)
_MOST_FILES, _MOST_RUNS, _MOST_LINES = 3, 4, 24
_MIN_WORDS = 4  # of a reason; a fixup! only names the commit that it belongs to
_MIN_INK = 24  # letters and signs of a fault: less stands anywhere
_SAME = 0.8  # share of a fault's lines that an earlier commit must have written
_SHOWN = 6  # lines before and behind a fault
_SIGNS = ("+", "-")  # of a diff
_COMMENT = ("#", "//", "/*", "*", '"""')
_INK = re.compile(r"\S")
_WORD = re.compile(r"\w{2,}")


@dataclass(frozen=True, slots=True)
class Negative:
    """A piece of code that was wrong."""

    source: str  # reverted, later fixed, in review, insecure
    path: str
    language: str
    line: int
    code: str  # whole lines, or an insecure call
    shown: str  # with the lines around it
    before: str  # the lines before it
    why: str  # what was wrong, "" when nobody said
    better: str  # what took its place, "" for nothing or not known
    commit: str  # that made it, "" when not known
    lineage: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preference:
    """A pair for preference training: what to answer to a prompt, and what not."""

    id: str
    prompt: str
    chosen: str
    rejected: str
    source: str
    why: str
    path: str
    commit: str
    lineage: tuple[str, ...]


def preference(negative: Negative, repository: str) -> Preference | None:
    """Return the pair of a negative; None when nobody wrote anything better."""
    if not negative.better.strip() or plain(negative.better) == plain(negative.code):
        return None
    asked = f"Continue `{negative.path}` of {repository}.\n\n```{negative.language}\n{negative.before}```"
    return Preference(
        digest_json([negative.source, negative.path, negative.line, negative.code, negative.better]),
        asked,
        negative.better,
        negative.code,
        negative.source,
        negative.why,
        negative.path,
        negative.commit,
        negative.lineage,
    )


def find_negatives(patches: Iterable[Patch], files: Iterable[SourceFile]) -> list[Negative]:
    """Return the negatives of training commits, newest first as `patches` are, and of the training tree."""
    tree = {file.path: file for file in files}
    standing = {path: plain(file.text) for path, file in tree.items()}
    found = [
        negative
        for negative in _Search().of(patches)
        if len(_INK.findall(_code_of(negative.code))) >= _MIN_INK
        and plain(negative.code) not in standing.get(negative.path, "")
    ]
    return [*found, *(negative for file in tree.values() for negative in _insecure(file))]


def _code_of(text: str) -> str:
    """Return text without the lines that are comments by themselves."""
    return "\n".join(line for line in text.split("\n") if not line.strip().startswith(_COMMENT))


def plain(text: str) -> str:
    """Return text so that it can be compared: no indentation, blank lines or signs of a diff."""
    lines = (line.strip() for line in text.split("\n"))
    unsigned = (line[1:].lstrip() if line[:1] in _SIGNS else line for line in lines if line)
    return "\n".join(line for line in unsigned if line)


# ------------------------------------------------------------------ commits


class _Search:
    """Goes from the newest commit back, and meets what took something back before what it took back."""

    def __init__(self) -> None:
        self._reverted: dict[str, tuple[str, tuple[str, ...]]] = {}  # id or subject -> why, lineage
        self._replaced: dict[str, list[Negative]] = defaultdict(list)  # by path: who wrote them?

    def of(self, patches: Iterable[Patch]) -> Iterator[Negative]:
        for patch in patches:
            message = read_message(patch.message)
            taken_back = self._taken_back(patch)
            if message.kind == "revert":
                if taken_back is None:
                    self._note(patch, message)
                continue
            yield from self._written(patch)
            if taken_back is not None:
                yield from _of_revert(patch, *taken_back)
            if _mends(patch, message):
                for negative in _of_mending(patch, message):
                    self._replaced[negative.path].append(negative)

    def _note(self, patch: Patch, message: Message) -> None:
        why = "\n".join(filter(None, _BOILERPLATE.sub("", message.body).split("\n")))
        why = why if _says_enough(why) else ""
        quoted = _QUOTED.match(message.subject)
        keys = [found[1][:12] for found in _REVERTS.finditer(patch.message)] or (
            [quoted[1]] if quoted else []
        )
        for key in keys:
            self._reverted[key] = (why, patch.lineage)

    def _taken_back(self, patch: Patch) -> tuple[str, tuple[str, ...]] | None:
        """Return why a later commit took this one back, with its lineage; None when none did."""
        subject = patch.message.partition("\n")[0].strip()
        for key in (patch.commit[:12], patch.commit[:10], patch.commit[:8], patch.commit[:7], subject):
            if key in self._reverted:
                return self._reverted.pop(key)
        return None

    def _written(self, patch: Patch) -> Iterator[Negative]:
        """Yield the faults that this commit wrote, of those whose author is still looked for."""
        for file in patch.files:
            waiting = self._replaced.get(file.path)
            if not waiting:
                continue
            written = set(plain("".join(new_text(file, hunk) for hunk in file.hunks)).split("\n"))
            own = [negative for negative in waiting if _is_of(negative, written)]
            self._replaced[file.path] = [negative for negative in waiting if negative not in own]
            for negative in own:
                yield replace(negative, commit=patch.commit, lineage=(*file.lineage[-1:], *negative.lineage))


def _is_of(negative: Negative, written: set[str]) -> bool:
    lines = plain(negative.code).split("\n")
    return sum(line in written for line in lines) >= _SAME * len(lines)


def _mends(patch: Patch, message: Message) -> bool:
    """Does a small commit say that it corrects code, or that a review asked for it?"""
    code = [file for file in patch.files if _may_be_wrong(file)]
    return (
        (message.reviewed or (message.fixes and _says_enough(message.words)))
        and not _NOT_BUGS.search(message.about)
        and 1 <= len(code) <= _MOST_FILES
        and sum(len(file.hunks) for file in code) <= _MOST_RUNS
    )


def _of_mending(patch: Patch, message: Message) -> Iterator[Negative]:
    """Yield the runs that such a commit replaced. Who wrote them is not known yet."""
    source = "in review" if message.reviewed else "later fixed"
    why = message.words if _says_enough(f"{message.about}\n{message.body}") else ""
    for file in filter(_may_be_wrong, patch.files):
        small = (hunk for hunk in file.hunks if hunk.old_count <= _MOST_LINES >= hunk.new_count > 0)
        for fault in _faults(file, small, written=False):
            yield replace(fault, source=source, why=why, lineage=(*file.lineage, *patch.lineage))


def _of_revert(patch: Patch, why: str, lineage: tuple[str, ...]) -> Iterator[Negative]:
    """Yield the runs that a commit added and a later one took back."""
    for file in filter(_may_be_wrong, patch.files):
        small = (hunk for hunk in file.hunks if hunk.new_count <= 2 * _MOST_LINES)
        for fault in _faults(file, small, written=True):
            origin = (*file.lineage[-1:], *lineage)
            yield replace(fault, source="reverted", why=why, commit=patch.commit, lineage=origin)


def _faults(file: FilePatch, hunks: Iterable[Hunk], *, written: bool) -> Iterator[Negative]:
    """Yield what hunks wrote, or what they replaced, as faults whose source and reason are left open."""
    lines = split_lines(file.after if written else file.before)
    for hunk in hunks:
        start, count = (hunk.new_start, hunk.new_count) if written else (hunk.old_start, hunk.old_count)
        new, old = new_text(file, hunk), old_text(file, hunk)
        if count > 0:
            yield Negative(
                source="",
                path=file.path,
                language=file.language,
                line=start,
                code=new if written else old,
                shown=_around(lines, start - 1, start - 1 + count),
                before=_before(lines, start - 1),
                why="",
                better=old if written else new,
                commit="",
                lineage=(),
            )


def _may_be_wrong(file: FilePatch | SourceFile) -> bool:
    return is_code(file.language) and not is_test(file.path, file.language)


def _says_enough(text: str) -> bool:
    return len(_WORD.findall(text)) >= _MIN_WORDS


def _before(lines: Sequence[str], low: int) -> str:
    return "".join(lines[max(0, low - 3 * _SHOWN) : low])


def _around(lines: Sequence[str], low: int, high: int) -> str:
    return "".join(lines[max(0, low - _SHOWN) : high + _SHOWN])


# ------------------------------------------------------------------ insecure calls


def _insecure(file: SourceFile) -> Iterator[Negative]:
    if not _may_be_wrong(file):
        return
    lines = split_lines(file.text)
    raw = file.text.encode()
    for call, rule in insecure_calls(file.parsed, file.text):
        code = raw[call.start : call.end].decode("utf-8", "replace")
        low, high = call.line - 1, call.line + code.count("\n")
        yield Negative(
            source="insecure",
            path=file.path,
            language=file.language,
            line=call.line,
            code=code,
            shown=_around(lines, low, high),
            before=_before(lines, low),
            why=f"The call of `{call.name}` is insecure ({rule.name}, {rule.weakness})."
            f" {rule.why} {rule.instead}",
            better="",
            commit="",
            lineage=file.lineage[:1],
        )


# ------------------------------------------------------------------ never to be imitated


class Guard:
    """Takes the loss off code that is known to be wrong, wherever it stands in a row."""

    def __init__(self, negatives: Iterable[Negative], tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._by_line: dict[str, set[str]] = defaultdict(set)  # first line -> all lines
        self._calls: set[str] = set()
        for negative in negatives:
            code = plain(negative.code)
            if negative.source == "insecure":
                self._calls.add(code)
            else:
                self._by_line[code.partition("\n")[0]].add(code)

    def guarded(self, row: Example) -> Example | None:
        """Return a row without loss on such code; None when no loss is left."""
        if not self._by_line and not self._calls and any(row.trained):
            return row
        trained = list(row.trained)
        for start, end in _runs(row.trained):
            for low, high in self._found(row.input_ids[start:end]):
                trained[start + low : start + high] = [False] * (high - low)
        if not any(trained):
            return None
        if trained == list(row.trained):
            return row
        told = digest_json([row.id, "guarded"])
        return replace(row, id=told, trained=tuple(trained))

    def _found(self, ids: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Yield the spans of tokens that stand for such code."""
        text = self._tokenizer.decode(ids)
        shape = plain(text)
        lines = shape.split("\n")
        codes = {code for line in lines for code in self._by_line.get(line, ()) if code in shape}
        codes |= {code for code in self._calls if code in shape}
        if not codes:
            return
        shape, places = _placed(text)
        for code in sorted(codes):
            at = shape.find(code)
            while at >= 0:
                yield self._tokens(ids, text, places[at], places[at + len(code) - 1] + 1)
                at = shape.find(code, at + 1)

    def _tokens(self, ids: Sequence[int], text: str, low: int, high: int) -> tuple[int, int]:
        """Return the tokens that hold any of some characters."""
        first, last = len(text[:low].encode()), len(text[:high].encode())
        ends: list[int] = []
        for size in self._tokenizer.byte_lengths(ids):
            ends.append((ends[-1] if ends else 0) + size)
        start = next(number for number, end in enumerate(ends) if end > first)
        stop = next(number for number, end in enumerate(ends) if end >= last)
        return start, stop + 1


def _runs(trained: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Yield the spans of tokens that carry loss."""
    start = -1
    for number, own in enumerate((*trained, False)):
        if own and start < 0:
            start = number
        elif not own and start >= 0:
            yield start, number
            start = -1


def _placed(text: str) -> tuple[str, list[int]]:
    """Return `plain` of a text, and for each of its characters the place in the text."""
    shape: list[str] = []
    places: list[int] = []
    offset = 0
    for line in text.split("\n"):
        ink = plain(line)
        if ink:
            at = offset + line.rfind(ink)
            shape.append(ink + "\n")
            places += [*range(at, at + len(ink)), at + len(ink) - 1]
        offset += len(line) + 1
    return "".join(shape), places
