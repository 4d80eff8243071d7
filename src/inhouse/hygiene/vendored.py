"""Third-party code, told by where it stands: by folder names that mean nothing else, or with evidence.

`vendor`, `external` or `deps` may as well be a company's own package, so these count only with evidence that
the paths of the whole tree give: a licence file of its own, the lists that Go, Composer and Bundler leave, or
a host name below it. `.gitattributes` (linguist-vendored, linguist-generated) overrules all of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from inhouse.hygiene.patterns import attribute_regex

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Layout", "vendored_by_name"]

_FOLDER = re.compile(
    r"""(?x) (?:^|/)(
      3rd[_-]?party | third[_-]?party | _vendor(?:ed)? | vendored | node_modules | bower_components
    | jspm_packages | site-packages | \.venv | Godeps | Pods | Carthage | extlibs )/"""
)
_PATH = re.compile(
    r"""(?x) (?:^|/)(?:
      vendor/(?:[a-z0-9-]+\.)+[a-z]{2,}/        # vendor/github.com/...
    | vendor/(?:assets|bundle|cache|plugins|gems)/
    | \.yarn/(?:releases|plugins|sdks|unplugged|cache)/
    | (?:gradlew(?:\.bat)? | mvnw(?:\.cmd)?)$
    | (?:config\.(?:guess|sub) | ltmain\.sh | install-sh | depcomp | mkinstalldirs)$
    | (?:jquery|jquery-ui|bootstrap|modernizr|underscore|backbone|angular|require|d3|lodash|moment)
      (?:[.-]?v?\d[\d.]*)?(?:[.-](?:min|slim|bundle))*\.(?:js|css)$ )"""
)
_AMBIGUOUS = {"vendor", "vendors", "external", "externals", "extern", "deps"}
_PACKAGE_LISTS = {"modules.txt", "autoload.php", "manifest.json", ".cargo-checksum.json"}
_LICENCE = re.compile(r"(?i)(?:un|mit-|apache-|bsd-)?(?:licen[cs]e|copying|copyright)(?:[.-][\w.-]+)?")
_ATTRIBUTE = re.compile(r"(?P<off>-|!)?linguist-(?P<name>vendored|generated)(?:=(?P<value>\w+))?")


@dataclass(frozen=True, slots=True)
class Layout:
    """What the paths of a tree say together. Small, and made once for all the files of a corpus."""

    roots: frozenset[str] = frozenset()  # folders with evidence that what is below was brought in
    attributes: tuple[tuple[re.Pattern[str], str, bool], ...] = field(default=())  # the last match decides

    @classmethod
    def of(cls, paths: Iterable[str], attribute_files: Mapping[str, str] | None = None) -> Layout:
        """Read a tree's paths, and the texts of its `.gitattributes` files by path."""
        roots = {root for path in paths if (root := _evidence(path))}
        lines: list[tuple[re.Pattern[str], str, bool]] = []
        for path, text in sorted((attribute_files or {}).items(), key=lambda item: item[0].count("/")):
            lines += _attributes(text, path.rpartition("/")[0])
        return cls(frozenset(roots), tuple(lines))

    def attribute(self, path: str, name: str) -> bool | None:
        """Return what .gitattributes says of "vendored" or "generated" for a path, or None."""
        for regex, attribute, value in reversed(self.attributes):
            if attribute == name and regex.fullmatch(path):
                return value
        return None

    def vendored(self, path: str) -> str:
        """Return the reason why a path is third-party, or ""."""
        said = self.attribute(path, "vendored")
        if said is not None:
            return ".gitattributes" if said else ""
        by_name = vendored_by_name(path)
        if by_name or not self.roots:
            return by_name
        folders = path.split("/")[:-1]
        for depth in range(1, len(folders) + 1):
            if (root := "/".join(folders[:depth])) in self.roots:
                return f"{root}/ has a licence or a package list of its own"
        return ""


def vendored_by_name(path: str) -> str:
    """Return the reason why a path is third-party whatever stands beside it, or ""."""
    folder = _FOLDER.search(path)
    if folder:
        return f"folder {folder[1]}/"
    place = _PATH.search(path)
    return f"path {place[0].strip('/')}" if place else ""


def _evidence(path: str) -> str:
    """Return the folder that a path proves to be third-party, or "".

    A licence at `deps/NAME/LICENSE` speaks for `deps/NAME`; a package list at `vendor/modules.txt` for all.
    """
    *folders, name = path.split("/")
    if not folders:
        return ""
    if folders[-1] in _AMBIGUOUS and name in _PACKAGE_LISTS:
        return "/".join(folders)
    if not _LICENCE.fullmatch(name):
        return ""
    for depth, folder in enumerate(folders[:-1]):
        if folder in _AMBIGUOUS:
            return "/".join(folders[: depth + 2])
    return ""


def _attributes(text: str, folder: str) -> list[tuple[re.Pattern[str], str, bool]]:
    found = []
    for line in text.splitlines():
        pattern, *words = line.split() or [""]
        if pattern.startswith(("#", "[", "!", '"')):
            continue
        for word in words:
            match = _ATTRIBUTE.fullmatch(word)
            if match:
                value = match["off"] is None and match["value"] not in ("false", "0")
                found.append((attribute_regex(pattern, folder), match["name"], value))
    return found
