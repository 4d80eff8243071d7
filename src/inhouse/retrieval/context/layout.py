"""How the chosen parts become one text: by rank, the best last, or by file, as they stand there.

By rank is for a model that goes on from where the text ends: the best is nearest. By file is for a reader who
is given a task: definitions before their users as far as that is known, else the best file first; within a
file what it imports, then everything by place, and lines that adjoin without a mark between them.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Protocol

from inhouse.retrieval.context.marks import commit_mark, file_mark, lines_mark, trailing_mark
from inhouse.retrieval.context.offers import BODY, PATH, SIGNATURE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from inhouse.retrieval.context.offers import Part

    Dependencies = Callable[[Sequence[str]], Mapping[str, AbstractSet[str]]]

__all__ = ["ByFile", "ByRank", "Layout", "by_dependency"]


class Layout(Protocol):
    """What a choice of parts looks like, whole and piece by piece."""

    with_imports: bool

    def opening(self, part: Part) -> str:
        """Return what the text begins with, if this is its first part, "" for nothing."""

    def adds(self, part: Part, *, new_file: bool = False) -> str:
        """Return about what a part adds to the text, imports apart."""

    def ordered(self, parts: Sequence[Part]) -> list[Part]:
        """Return the parts, given best first, in the order of the text."""

    def text(self, parts: Sequence[Part]) -> str:
        """Return the text of parts, given best first."""


class ByRank:
    """The best part last, each with its own mark."""

    with_imports = False

    def opening(self, part: Part) -> str:  # noqa: ARG002
        """Return nothing."""
        return ""

    def adds(self, part: Part, *, new_file: bool = False) -> str:  # noqa: ARG002
        """Return the part with its mark."""
        return part.marked

    def ordered(self, parts: Sequence[Part]) -> list[Part]:
        """Return the best offer last, the parts of one offer by place."""
        offers = [list(group) for _, group in groupby(parts, key=lambda part: id(part.offer))]
        return [part for group in reversed(offers) for part in group]

    def text(self, parts: Sequence[Part]) -> str:
        """Return the marked parts."""
        return "".join(part.marked for part in self.ordered(parts))


class ByFile:
    """Files by dependency, parts by place, paths at the end."""

    with_imports = True

    def __init__(self, commit: str = "", dependencies: Dependencies | None = None) -> None:
        self._commit = commit
        self._dependencies = dependencies
        self._known: dict[frozenset[str], Mapping[str, AbstractSet[str]]] = {}

    def opening(self, part: Part) -> str:
        """Return the commit, in the comments of the first part's language."""
        return commit_mark(part.offer.language, self._commit) if self._commit else ""

    def adds(self, part: Part, *, new_file: bool = False) -> str:
        """Return the part with its mark, and that of its file where it is the first of it."""
        head = file_mark(part.offer.language, part.offer.path) if new_file or part.form == PATH else ""
        if part.form == BODY:
            return (head if part.offer.imports else "") + part.marked
        return head + _line(part)

    def ordered(self, parts: Sequence[Part]) -> list[Part]:
        """Return the parts of each file by place, files by dependency, paths at the end by rank."""
        shown = [part for part in parts if part.form != PATH]
        ranked = list(dict.fromkeys(part.offer.path for part in shown))
        place = {path: number for number, path in enumerate(by_dependency(ranked, self._edges(ranked)))}
        shown.sort(key=lambda part: (place[part.offer.path], part.start_line, -part.end_line))
        return shown + [part for part in parts if part.form == PATH]

    def text(self, parts: Sequence[Part]) -> str:
        """Return the files, a blank line between them; paths stand together."""
        ordered = self.ordered(parts)
        if not ordered:
            return ""
        shown = [part for part in ordered if part.form != PATH]
        files = [list(group) for _, group in groupby(shown, key=lambda part: part.offer.path)]
        blocks = ["".join(_file(group)) for group in files]
        paths = "".join(self.adds(part) for part in ordered if part.form == PATH)
        opening = self.opening(ordered[0])
        return "\n".join(block for block in (opening, *blocks, paths) if block)

    def _edges(self, paths: Sequence[str]) -> Mapping[str, AbstractSet[str]]:
        key = frozenset(paths)
        if key not in self._known:
            self._known[key] = self._dependencies(sorted(key)) if self._dependencies else {}
        return self._known[key]


def by_dependency(ranked: Sequence[str], needs: Mapping[str, AbstractSet[str]]) -> list[str]:
    """Return files, given best first, with what each needs before it; in a circle the first one met waits.

    A depth-first walk: without edges the order stays as it is.
    """
    done: dict[str, None] = {}
    known = {path: number for number, path in enumerate(ranked)}
    waiting: list[tuple[str, bool]] = [(path, False) for path in reversed(ranked)]
    entered: set[str] = set()
    while waiting:
        path, complete = waiting.pop()
        if complete:
            done[path] = None
        elif path not in entered:
            entered.add(path)
            waiting.append((path, True))
            first = sorted(known.keys() & needs.get(path, frozenset()), key=known.__getitem__, reverse=True)
            waiting += [(other, False) for other in first]
    return list(done)


def _file(parts: Sequence[Part]) -> Iterator[str]:
    """Yield the text of the parts of one file, by place."""
    first = parts[0].offer
    imports = _imported(parts)
    if imports or parts[0].form == SIGNATURE:
        yield file_mark(first.language, first.path)
    yield from (f"{line}\n" for line in imports)
    number = 0
    while number < len(parts):
        part = parts[number]
        number += 1
        if part.form == SIGNATURE:
            yield _line(part)
            continue
        whole = [part]
        while number < len(parts) and _adjoin(whole[-1], parts[number]):
            whole.append(parts[number])
            number += 1
        yield lines_mark(first.language, first.path, (part.start_line, whole[-1].end_line), part.offer.scope)
        yield from (one.text + one.after for one in whole[:-1])
        yield whole[-1].text


def _adjoin(one: Part, other: Part) -> bool:
    return one.form == other.form == BODY and one.end_line + one.after.count("\n") + 1 == other.start_line


def _imported(parts: Sequence[Part]) -> list[str]:
    """Return the imports that the bodies of one file use and that none of them shows."""
    shown = {line.strip() for part in parts if part.form == BODY for line in part.text.split("\n")}
    used = dict.fromkeys(line for part in parts if part.form == BODY for line in part.offer.imports)
    return [line for line in used if line not in shown]


def _line(part: Part) -> str:
    if part.form == PATH:
        return ""
    text = part.text.removesuffix("\n")
    return text + trailing_mark(part.offer.language, (part.start_line, part.end_line))
