"""Edits as conversations: what is wanted, what stands there, and the change as a diff.

    user        Task, Project, Constraints, the code before the change as a search would find it
    assistant   ```diff ... ```

Every line that the diff takes away stands in the context: a model that answers with lines that it was never
shown would learn to invent them. Beside it stand other pieces of the same files, as retrieval leaves them.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from inhouse.datasets.patches import MOST_FILES, diff, old_text
from inhouse.datasets.windows import split_lines
from inhouse.languages import is_code, is_test, parse
from inhouse.records import Chunk, Hit
from inhouse.retrieval.chunking import chunk_parsed
from inhouse.retrieval.context import assemble
from inhouse.retrieval.query import understand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inhouse.datasets.builders.contract import Bench
    from inhouse.datasets.patches import FilePatch, Patch

__all__ = ["constraints", "context_before", "fenced_diff", "unusable"]

_AROUND = (24, 12, 6, 3)  # unchanged lines that are shown before and behind a run, as far as they fit
_WORTH_SEARCHING = 64  # tokens of room
_OTHERS = 6  # chunks that are offered beside those that are changed
_SPARE = 48  # tokens of a question beside its parts, and of the template
_FENCE = "```"


def unusable(patch: Patch, bench: Bench) -> str:
    """Return why a patch makes no example, "" when it may make one."""
    if len(patch.files) + patch.unread > MOST_FILES:
        return f"more than {MOST_FILES} files"
    if patch.unread:
        return "a part of the change may not be trained on"
    if not any(is_code(file.language) for file in patch.files):
        return "no code"
    if any(file.status == "R" and not file.hunks for file in patch.files):
        return "moved only"
    if not bench.fits(fenced_diff(patch)):
        return "longer than a row"
    return ""


@lru_cache(maxsize=4)
def fenced_diff(patch: Patch) -> str:
    """Return the whole change as one diff in a fence."""
    body = "".join(diff(file) for file in patch.files)
    fence = _FENCE if _FENCE not in body else "~~~~"
    return f"{fence}diff\n{body}{fence}"


def constraints(patch: Patch) -> str:
    """Return what the author kept to, as a list: the files, the tests, the form of the answer."""
    new = [f"`{file.path}`" for file in patch.files if file.status == "A"]
    old = [f"`{file.old_path or file.path}`" for file in patch.files if file.status != "A"]
    tested = any(is_test(file.path, file.language) for file in patch.files)
    told = [
        f"Change nothing but {_listed(old)}." if old else "",
        f"Add {_listed(new)}." if new else "",
        "Cover it with tests." if tested else "",
        "Answer with a unified diff.",
    ]
    return "".join(f"- {line}\n" for line in told if line)


def context_before(patch: Patch, query: str, bench: Bench, *others: str) -> str | None:
    """Return the code before the change: what is changed, and beside it what a search for `query` finds.

    It takes the room of a row that `others`, the other texts of the example, leave. None when the lines that
    are changed do not fit; "" when there was no code before.
    """
    room = bench.length - _SPARE - sum(bench.count(text) for text in others)
    count = _Counter(bench)
    for around in _AROUND:
        changed = [chunk for file in patch.files for chunk in _changed(file, around)]
        if not changed:
            return ""
        context = assemble(_hits(changed), room, count)
        if len(context.chunks) == len(changed) and _holds(context.text, patch.files):
            break
    else:
        return None
    if room - context.tokens > _WORTH_SEARCHING:
        found = _ranked([chunk for file in patch.files for chunk in _chunks(file)], query)
        context = assemble(_hits([*changed, *found]), room, count)
    return context.text


class _Counter:
    """Counts tokens line by line, each line once: a little more than the whole has."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._lines: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        return sum(map(self._line, text.split("\n")))

    def _line(self, line: str) -> int:
        if line not in self._lines:
            self._lines[line] = self._bench.count(f"{line}\n")
        return self._lines[line]


def _hits(chunks: Sequence[Chunk]) -> list[Hit]:
    return [Hit(chunk, 1.0, "") for chunk in chunks]


def _holds(text: str, files: Sequence[FilePatch]) -> bool:
    shown = {line.strip() for line in text.split("\n")}
    return all(
        line.strip() in shown
        for file in files
        for hunk in file.hunks
        for line in old_text(file, hunk).split("\n")
        if line.strip()
    )


def _changed(file: FilePatch, around: int) -> list[Chunk]:
    """Return the changed lines of a file with some lines around each run; what overlaps is one chunk."""
    lines = split_lines(file.before)
    spans: list[tuple[int, int]] = []  # half-open, from 0
    for hunk in file.hunks if lines else ():
        start = hunk.old_start - bool(hunk.old_count)
        low, high = max(0, start - around), min(len(lines), start + hunk.old_count + around)
        if spans and low <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(high, spans[-1][1]))
        else:
            spans.append((low, high))
    path = file.old_path or file.path
    return [
        Chunk(
            path,
            file.language,
            "",
            (),
            (),
            low + 1,
            high,
            _bytes_of(lines[:low]),
            _bytes_of(lines[:high]),
            "".join(lines[low:high]),
        )
        for low, high in spans
    ]


def _bytes_of(lines: Sequence[str]) -> int:
    return len("".join(lines).encode())


def _chunks(file: FilePatch) -> list[Chunk]:
    return _cut(file.old_path or file.path, file.before, file.language)


@lru_cache(maxsize=64)
def _cut(path: str, text: str, language: str) -> list[Chunk]:
    return chunk_parsed(parse(path, text, language), path, text)


def _ranked(chunks: Sequence[Chunk], query: str) -> list[Chunk]:
    """Return the chunks that share the rarest words with a query, best first."""
    asked = understand(query).words
    texts = [f"{chunk.path}\n{chunk.text}".lower() for chunk in chunks]
    words = {word: [word in text for text in texts] for word in sorted(asked)}
    rarity = {word: asked[word] * math.log(1 + len(chunks) / max(1, sum(own))) for word, own in words.items()}
    scores = [sum(rarity[word] for word in words if words[word][n]) for n in range(len(chunks))]
    order = sorted(range(len(chunks)), key=lambda number: (-scores[number], number))
    return [chunks[number] for number in order[:_OTHERS] if scores[number] > 0]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
