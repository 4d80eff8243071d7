"""What every sandbox may read and what it finds in its environment. Nothing else of the machine is there."""

from __future__ import annotations

import functools
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["SYSTEM_LINKS", "environment_with", "find_inside", "outermost", "readable_with"]

SYSTEM_LINKS = ("/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin")
"""Links into /usr on most systems, folders on some."""

_SYSTEM = ("/usr", "/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ONE_THREAD = ("MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def readable_with(more: Sequence[Path]) -> list[Path]:
    """Return the whitelist: the system's programs, this Python with its packages, and `more`.

    Absolute, existing, none below another. Raises UserMistake when one of `more` does not exist.
    """
    for path in more:
        if not path.exists():
            raise UserMistake(
                "what the sandbox may read must exist", str(path), "name a file or folder that does"
            )
    return list(_standing()) if not more else outermost([*_standing(), *(path.absolute() for path in more)])


@functools.cache
def _standing() -> tuple[Path, ...]:
    """Return the part of the whitelist that is always there."""
    python = (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)
    return tuple(outermost([Path(name) for name in (*_SYSTEM, *python) if Path(name).exists()]))


def outermost(places: Iterable[Path]) -> list[Path]:
    """Return the places that lie in no other one, sorted; a link among them that leads out, by its target."""
    unique = set(places)
    covered = {path for path in unique if not unique.isdisjoint(path.parents)}
    kept = unique - covered
    led_out = {path.resolve() for path in covered if not _within_any(path.resolve(), kept)}
    return sorted(kept | led_out)


def _within_any(path: Path, places: Iterable[Path]) -> bool:
    return any(path.is_relative_to(place.resolve()) for place in places)


def environment_with(more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment inside: fixed values, so that two runs agree, and `more`. Raises UserMistake."""
    for name, value in more.items():
        if not _NAME.fullmatch(name) or "\0" in value:
            raise UserMistake("a variable has a name of letters, digits and _", repr(name), "rename it")
    own_programs = [str(Path(prefix) / "bin") for prefix in (sys.prefix, sys.base_prefix)]
    return {
        "HOME": "/tmp",  # noqa: S108 - the private one
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "PATH": ":".join(dict.fromkeys([*own_programs, "/usr/local/bin", "/usr/bin", "/bin"])),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        "TMPDIR": "/tmp",  # noqa: S108
        "TZ": "UTC",
        "USER": "nobody",
        **dict.fromkeys(_ONE_THREAD, "1"),
        **more,
    }


def find_inside(program: str, search: str, work: Path, readable: Sequence[Path]) -> bool:
    """Tell whether a command's first word can be found inside."""
    if program.startswith("/"):
        if _within(Path(program), readable):
            return shutil.which(program) is not None
        return program.startswith("/work/") and (work / program.removeprefix("/work/")).is_file()
    if "/" in program:
        return (work / program).is_file()
    folders = [folder for folder in search.split(":") if _within(Path(folder), readable)]
    return shutil.which(program, path=":".join(folders)) is not None


def _within(path: Path, readable: Sequence[Path]) -> bool:
    wide = [*readable, *(Path(name) for name in SYSTEM_LINKS)]
    return any(path.is_relative_to(place) or path.resolve().is_relative_to(place) for place in wide)
