"""Sites: single places in source text where one habit or another was followed.

Whoever mines conventions counts the sites of a repository; whoever judges new code looks at the sites in it.
Places that fit several habits (a name of one word, a string with quotes inside) are no sites.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Known", "Site", "case_of", "letter_case", "prefix_of"]

_PREFIX = re.compile(r"_*([A-Za-z][A-Za-z0-9]*)_+[A-Za-z0-9]")


@dataclass(frozen=True, slots=True)
class Site:
    """One place where something was decided."""

    aspect: str  # what was decided, such as "python.function_name"
    value: str  # how, such as "snake_case"
    start: int  # byte offset
    shown: str  # the words at the place


@dataclass(frozen=True, slots=True)
class Known:
    """What must be known of the whole repository to read one of its files."""

    exceptions: frozenset[str] = frozenset()  # exception classes that the repository defines
    packages: frozenset[str] = frozenset()  # names under which its own modules are imported


def case_of(name: str) -> str:
    """Return snake_case, camelCase, PascalCase or UPPER_CASE; "other", or "" for what fits several."""
    core = name.strip("_")
    if not core or not core.isascii() or not core[0].isalpha():
        return ""
    letters = core.replace("_", "")
    if letters.isupper():
        return "UPPER_CASE" if len(letters) > 1 else ""
    if letters.islower():
        return "snake_case" if "_" in core else ""
    if "_" in core:
        return "other"
    return "PascalCase" if core[0].isupper() else "camelCase"


def letter_case(words: str) -> str:
    """Return whether words begin with a "capital" or a "small" letter; "" when with neither."""
    first = words.lstrip()[:1]
    second = words.lstrip()[1:2]
    if not first.isalpha() or (first.isupper() and second.isupper()):  # an abbreviation says nothing
        return ""
    return "capital" if first.isupper() else "small"


def prefix_of(name: str) -> str:
    """Return the first word of a name with one underscore, "" for names of one word."""
    found = _PREFIX.match(name)
    return f"{found[1]}_" if found else "none"
