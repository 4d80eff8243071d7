"""What there is to mine from: code that came after the cut, as hygiene left it.

A task holds its file, so the file is that of the corpus, where secrets are redacted. It is also the one that
is run: what a redaction breaks does not verify.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inhouse.evaluation.mining.places import distinct, find_places, unsuitable
from inhouse.hygiene.duplicates import SpanIndex
from inhouse.languages import detect, is_code, is_test

if TYPE_CHECKING:
    from collections.abc import Container

    from inhouse.datasets.material import Material
    from inhouse.evaluation.mining.places import Place

__all__ = ["LANGUAGES", "REDACTED", "Fresh", "Known", "find_fresh"]

LANGUAGES = ("python", "c", "javascript")
"""Languages whose tests can be run, in the order in which they are mined."""

REDACTED = "<redacted:"
"""How hygiene marks what it took out."""

_SEEN = 0.8  # share of a body's shingles in one text from which it counts as a copy, as for held-out items


class Known:
    """The code that training may have seen: the tree at the cut."""

    def __init__(self, material: Material) -> None:
        self._index = SpanIndex(_SEEN)
        self.paths: dict[str, str] = {}
        for placed in material.tree(material.split.cut, "index"):
            self.paths[placed.path] = placed.document
            if is_code(detect(placed.path)):
                self._index.add(placed.path, placed.text)

    def holds(self, text: str) -> bool:
        """Tell whether one file of the tree holds a text, or nearly all of it."""
        return self._index.find(text) is not None


@dataclass(frozen=True, slots=True)
class Fresh:
    """Functions that were added or changed since the cut."""

    places: tuple[Place, ...]
    known: int  # functions of changed files that stood in the tree at the cut already
    rejected: tuple[tuple[str, str], ...]  # (place, reason)


def find_fresh(material: Material, known: Known, files: Container[str], language: str) -> Fresh:
    """Find the functions of one language in the tree at the tip that the tree at the cut does not hold.

    `files` are the paths of the tree at the tip as it is run.
    """
    places: list[Place] = []
    rejected: list[tuple[str, str]] = []
    seen = 0
    for placed in material.tree(material.split.tip, "index"):
        if known.paths.get(placed.path) == placed.document or not _is_source(placed.path, language):
            continue
        if placed.path not in files:
            rejected.append((placed.path, "skipped: large, a link, or beyond the largest tree"))
            continue
        found = list(find_places(placed.path, placed.text, language))
        for place in distinct(found):
            if known.holds(place.reference):
                seen += 1
            elif REDACTED in place.reference:
                rejected.append((f"{place.path}::{place.name}", "a secret was redacted in it"))
            elif reason := unsuitable(place):
                rejected.append((f"{place.path}::{place.name}", reason))
            else:
                places.append(place)
    return Fresh(tuple(places), seen, tuple(rejected))


def _is_source(path: str, language: str) -> bool:
    return detect(path) == language and not is_test(path, language) and not path.endswith((".pyi", ".h"))
