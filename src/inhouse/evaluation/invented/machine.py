"""What the machine offers: the standard library and the dependencies of Python, the headers of C.

Importing a dependency runs its code, and a compiler reads what a stranger wrote: both happen in the sandbox,
in one run for many answers.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from inhouse.sandbox import Limits

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from inhouse.sandbox import Sandbox

__all__ = ["Headers", "Members", "read_headers", "read_members"]

_LIMITS = Limits(wall_s=180.0, cpu_s=120.0, memory_mb=2_048)
_WORD = re.compile(r"[A-Za-z_]\w*")
_DEFINED = re.compile(r"^#define (\w+)", re.M)


@dataclass(frozen=True, slots=True)
class Members:
    """What is known of the modules of the language and of the installed dependencies."""

    paths: Mapping[tuple[str, ...], str]  # "yes", "no" or "unknown" for each dotted name
    modules: Mapping[str, bool]  # is there a module of this name?
    attributes: frozenset[str]  # names of attributes of all modules and classes that were seen
    complete: bool = True  # False when the look-up did not end: nothing is called invented then


@dataclass(frozen=True, slots=True)
class Headers:
    """The identifiers that the included headers of the system declare."""

    words: frozenset[str]
    missing: tuple[str, ...]  # headers that this machine does not have: their names are unknown
    complete: bool = True


def read_members(
    sandbox: Sandbox,
    python: str,
    readable: Sequence[Path],
    paths: Collection[tuple[str, ...]],
    modules: Collection[str],
) -> Members:
    """Look up dotted names such as ("os", "path", "join") with an interpreter, in one run."""
    ordered = sorted(set(paths))
    wanted = {"paths": [list(path) for path in ordered], "modules": sorted(set(modules))}
    script = Path(__file__).with_name("inside").joinpath("members.py").read_bytes()
    outcome = sandbox.run(
        [python, "-I", "members.py"],
        files={"members.py": script, "wanted.json": json.dumps(wanted).encode()},
        readable=list(readable),
        limits=_LIMITS,
        collect=["found.json"],
    )
    if "found.json" not in outcome.collected:
        return Members({}, {}, frozenset(), complete=False)
    found = json.loads(outcome.collected["found.json"])
    answers = dict(zip(ordered, found["paths"], strict=True))
    return Members(answers, found["modules"], frozenset(found["attributes"]))


_PREPROCESS = """
echo > none.h
gcc -E -dM none.h > macros.txt
for file in *.c; do
  gcc -D_GNU_SOURCE -E -P $file >> out.txt
  gcc -D_GNU_SOURCE -E -dM $file >> macros.txt
done
"""


def _including(name: str) -> bytes:
    text = f"#if __has_include(<{name}>)\n#include <{name}>\n#else\ninhouse_missing(<{name}>)\n#endif\n"
    return text.encode()


def read_headers(sandbox: Sandbox, includes: Collection[str]) -> Headers:
    """Return what the system's headers declare, read by the preprocessor in one run of the sandbox.

    Without a compiler nothing is known of headers, and nothing that may come from them is called invented.
    """
    names = [name for name in sorted(includes) if re.fullmatch(r"[\w./+-]+", name)]
    files = {f"{number}.c": _including(name) for number, name in enumerate(names)}
    outcome = sandbox.run(
        ["sh", "-c", _PREPROCESS], files=files, limits=_LIMITS, collect=["out.txt", "macros.txt"]
    )
    text = outcome.collected.get("out.txt", b"").decode("utf-8", "replace")
    macros = outcome.collected.get("macros.txt", b"").decode("utf-8", "replace")
    missing = tuple(re.findall(r"inhouse_missing\s*\(<([^>]*)>\)", text))
    words = frozenset(_WORD.findall(text)) | frozenset(_DEFINED.findall(macros))
    return Headers(words, missing, complete=bool(macros))
