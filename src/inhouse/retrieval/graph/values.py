"""What a name may stand for while a reference is followed."""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "DEFINITION",
    "FILE",
    "FOLDER",
    "INSTANCE",
    "OUTSIDE",
    "PARENT",
    "UNKNOWN",
    "Here",
    "Value",
    "Values",
]

FILE, FOLDER, DEFINITION, INSTANCE, PARENT = "file", "folder", "definition", "instance", "parent"


class Value(NamedTuple):
    """A file, a package's folder, a definition, an instance of a class, or the bases of a class."""

    kind: str
    path: str
    name: str  # qualified name, of an instance and of `parent` that of the class; "" for files and folders
    rule: str  # how it was found


Values = list[Value]

OUTSIDE: Values = []
"""What is certainly not in the repository."""

UNKNOWN: Values = [Value("unknown", "", "", "")]
"""What is bound here, to nobody knows what."""


class Here(NamedTuple):
    """Where a name is written."""

    path: str
    scope: str
    line: int
