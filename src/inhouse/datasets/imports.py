"""Imports resolved inside a repository, and files in the order in which they build on each other.

A module is looked up as its language writes it: dotted (Python, Java, Rust), as a path (C, JavaScript), or as
a folder (Go). Where several files end in the same path, the one nearest to the importing file is taken.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from inhouse.languages import is_test

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from inhouse.datasets.material import SourceFile
    from inhouse.languages import Import

__all__ = ["Resolver", "dependency_order"]

_SCRIPTS = ("javascript", "typescript")
_ENDINGS = {
    "python": (".py", "/__init__.py", ".pyi"),
    "java": (".java",),
    "rust": (".rs", "/mod.rs"),
    "javascript": ("", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", "/index.js", "/index.ts"),
    "typescript": ("", ".ts", ".tsx", ".d.ts", ".js", ".jsx", "/index.ts", "/index.tsx", "/index.js"),
}


class Resolver:
    """Finds the files of a repository that a file imports."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = sorted(set(paths))
        self._known = set(self._paths)
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._by_folder: dict[str, list[str]] = defaultdict(list)
        for path in self._paths:
            pure = PurePosixPath(path)
            self._by_name[pure.name].append(path)
            self._by_folder[str(pure.parent)].append(path)

    def imported(self, file: SourceFile) -> list[str]:
        """Return the paths that a file imports, each once, in the order of its imports."""
        found = (
            path for each in file.parsed.imports for path in self._targets(file.path, file.language, each)
        )
        return [path for path in dict.fromkeys(found) if path != file.path]

    def _targets(self, path: str, language: str, found: Import) -> Iterator[str]:
        if language in ("c", "cpp"):
            yield from self._nearest(path, [found.module])
        elif language in _SCRIPTS and found.module.startswith("."):
            base = _joined(str(PurePosixPath(path).parent), found.module)
            ends = _ENDINGS[language]
            yield from [base + end for end in ends if base + end in self._known][:1]
        elif language == "python":
            yield from self._of_python(path, found)
        elif language == "go":
            yield from self._of_go(found.module)
        elif language in ("java", "rust"):
            names = [part for part in found.module.replace("::", ".").split(".") if part != "crate"]
            for size in (len(names), len(names) - 1):  # the last name may be of a member
                module = "/".join(names[:size])
                hits = (
                    list(self._nearest(path, [module + end for end in _ENDINGS[language]])) if module else []
                )
                if hits:
                    yield from hits
                    return

    def _of_python(self, path: str, found: Import) -> Iterator[str]:
        module = found.module
        if module.startswith("."):
            dots = len(module) - len(module.lstrip("."))
            folder = PurePosixPath(path).parent
            for _ in range(dots - 1):
                folder = folder.parent
            base = _joined(str(folder), module.lstrip(".").replace(".", "/"))
            exact = True
        else:
            base, exact = module.replace(".", "/"), False
        members = [f"{base}/{name}" for name in found.names if name != "*"]
        hits = [hit for stem in members for hit in self._of_stem(path, stem, exact=exact)]
        yield from hits or self._of_stem(path, base, exact=exact)

    def _of_stem(self, path: str, stem: str, *, exact: bool) -> list[str]:
        candidates = [stem.strip("/") + end for end in _ENDINGS["python"]]
        if exact:
            return [candidate for candidate in candidates if candidate in self._known][:1]
        return list(self._nearest(path, candidates))

    def _of_go(self, module: str) -> Iterator[str]:
        parts = module.split("/")
        for start in range(len(parts)):
            folder = "/".join(parts[start:])
            if folder in self._by_folder:
                yield from (path for path in self._by_folder[folder] if not is_test(path, "go"))
                return

    def _nearest(self, path: str, endings: Sequence[str]) -> Iterator[str]:
        """Yield the file nearest to `path` that ends in the first of some paths that is there."""
        here = PurePosixPath(path).parent.parts
        for ending in endings:
            pure = PurePosixPath(ending)
            hits = [
                known
                for known in self._by_name.get(pure.name, ())
                if known == ending or known.endswith(f"/{ending}")
            ]
            if hits:
                yield min(hits, key=lambda hit: (-_shared(here, PurePosixPath(hit).parts), len(hit), hit))
                return


def dependency_order(imported: Mapping[str, Sequence[str]]) -> list[str]:
    """Return paths so that each comes after all that it imports, but for those that import each other.

    `imported` gives for each path what it imports; the same paths give the same order. It is the order in
    which a depth-first search leaves them (Tarjan 1972), from the first path on: an import that comes too
    late leads back to a path on the way, so both are part of one cycle.
    """
    order: list[str] = []
    seen: set[str] = set()
    for root in sorted(imported):
        if root in seen:
            continue
        seen.add(root)
        way = [(root, iter(imported[root]))]
        while way:
            path, rest = way[-1]
            below = next((each for each in rest if each in imported and each not in seen), None)
            if below is None:
                order.append(path)
                way.pop()
            else:
                seen.add(below)
                way.append((below, iter(imported[below])))
    return order


def _joined(folder: str, relative: str) -> str:
    parts: list[str] = [] if folder == "." else folder.split("/")
    for part in relative.split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part not in ("", ".", ".."):
            parts.append(part)
    return "/".join(parts)


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many folders two paths have in common from the root on."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
