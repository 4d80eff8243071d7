"""Path patterns with the meaning that git gives them in .gitignore and .gitattributes.

The rules: https://git-scm.com/docs/gitignore#_pattern_format
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["PathPatterns", "attribute_regex"]

_TOKENS = re.compile(r"\\(?P<escaped>.)|(?P<set>\[[!^]?\]?[^\]]*\])|(?P<other>.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Pattern:
    regex: re.Pattern[str]
    negated: bool
    folders_only: bool


class PathPatterns:
    """An ordered list of .gitignore lines; the last one that matches decides."""

    def __init__(self, lines: Iterable[str]) -> None:
        parsed = (_parse(line) for line in lines)
        self._patterns = [pattern for pattern in parsed if pattern is not None]
        self._folder_matches = lru_cache(maxsize=None)(self._decide_folder)

    def matches(self, path: str) -> bool:
        """Tell whether a file's path from the repository's root is matched, by itself or with its folder."""
        if not self._patterns:
            return False
        folder = path.rpartition("/")[0]
        return self._folder_matches(folder) or self._decide(path, is_folder=False)

    def _decide_folder(self, folder: str) -> bool:
        """A folder takes all below it along: what lies inside cannot be exempted."""
        if not folder:
            return False
        return self._folder_matches(folder.rpartition("/")[0]) or self._decide(folder, is_folder=True)

    def _decide(self, path: str, *, is_folder: bool) -> bool:
        for pattern in reversed(self._patterns):
            if (is_folder or not pattern.folders_only) and pattern.regex.fullmatch(path):
                return not pattern.negated
        return False


def attribute_regex(pattern: str, folder: str) -> re.Pattern[str]:
    """Return the expression that a whole path must match for a .gitattributes line found in `folder`."""
    prefix = re.escape(folder + "/") if folder else ""
    return re.compile(prefix + _translate(pattern))


def _parse(line: str) -> _Pattern | None:
    text = line.rstrip("\n")
    while text.endswith(" ") and not text.endswith("\\ "):
        text = text[:-1]
    if not text or text.startswith("#"):
        return None
    negated = text.startswith("!")
    text = text[1:] if negated else text
    folders_only = text.endswith("/")
    text = text[:-1] if folders_only else text
    if not text:
        return None
    return _Pattern(re.compile(_translate(text)), negated, folders_only)


def _translate(pattern: str) -> str:
    """Return a regular expression over paths; a pattern without an inner slash matches at any depth."""
    anchored = "/" in pattern
    parts = pattern.removeprefix("/").split("/")
    out = "" if anchored else "(?:.*/)?"
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**" and anchored:
            out += ".+" if last else "(?:.*/)?"
        else:
            out += _translate_part(part) + ("" if last else "/")
    return out


def _translate_part(part: str) -> str:
    out = ""
    for match in _TOKENS.finditer(part):
        if match["escaped"]:
            out += re.escape(match["escaped"])
        elif match["set"]:
            out += _translate_set(match["set"])
        elif match["other"] == "*":
            out += "" if out.endswith("[^/]*") else "[^/]*"
        else:
            out += "[^/]" if match["other"] == "?" else re.escape(match["other"])
    return out


def _translate_set(text: str) -> str:
    inner = text[1:-1]
    negated = inner[:1] in ("!", "^")
    inner = (inner[1:] if negated else inner).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return f"(?!/)[{'^' if negated else ''}{inner.replace('^', chr(92) + '^')}]"
