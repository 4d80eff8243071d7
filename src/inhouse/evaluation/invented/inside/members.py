"""Runs inside the sandbox: looks up modules and their members, and collects the names that attributes have.

Reads /work/wanted.json: {"paths": [["os", "path", "join"], ...], "modules": ["requests", ...]}; writes
/work/found.json: {"paths": ["yes" | "no" | "unknown", ...], "modules": {name: bool}, "attributes": [...]}.
"""

import contextlib
import importlib
import importlib.util
import io
import json
import re
import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_SKIPPED = {
    "antigravity",
    "idlelib",
    "lib2to3",
    "test",
    "this",
    "turtle",
    "turtledemo",
    "tkinter",
    "ensurepip",
}
_GIVEN = re.compile(r"\bself\.(\w+)")


def _import(name: str) -> types.ModuleType | None:
    if name.split(".")[0] in _SKIPPED:
        return None
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            return importlib.import_module(name)
        except BaseException:  # a stranger's module may raise anything
            return None


def _is_there(name: str) -> bool:
    try:
        return name in sys.builtin_module_names or importlib.util.find_spec(name) is not None
    except (ImportError, AttributeError, ValueError):
        return False


def _look_up(path: list[str]) -> str:
    top = path[0]
    if top not in sys.stdlib_module_names and not _is_there(top):
        return "unknown"  # the caller tells whether the project depends on it
    found: Any = _import(top)
    if found is None:
        return "unknown"  # for another platform, or broken here
    for number, name in enumerate(path[1:], 2):
        below: Any = None
        with contextlib.suppress(BaseException):
            below = getattr(found, name, None)
        missing = below is None and not hasattr(found, name)
        if missing and isinstance(found, types.ModuleType):
            module = ".".join(path[:number])
            below = _import(module)
            missing = below is None
            if missing and _is_there(module):
                return "unknown"
        if missing:
            certain = isinstance(found, (types.ModuleType, type)) and not _in_source(found, name)
            return "no" if certain else "unknown"
        found = below
        if not isinstance(found, (types.ModuleType, type)):
            return "yes"  # of an object, what it has may depend on what is done with it
    return "yes"


def _in_source(owner: Any, name: str) -> bool:
    """Does the source of a module name it at all? Some names exist on other platforms only."""
    module = sys.modules.get(getattr(owner, "__module__", "") or "", owner)
    path = Path(getattr(module, "__file__", None) or "/nonexistent")
    is_source = path.suffix == ".py" and path.exists()
    return is_source and name in path.read_text(encoding="utf-8", errors="replace")


def _names(module: types.ModuleType) -> Iterator[str]:
    path = Path(getattr(module, "__file__", None) or "/nonexistent")
    if path.suffix == ".py" and path.exists():  # what objects are given when they are made
        yield from _GIVEN.findall(path.read_text(encoding="utf-8", errors="replace"))
    for name in dir(module):
        yield name
        with contextlib.suppress(BaseException):
            value = getattr(module, name)
            if isinstance(value, type):
                yield from dir(value)


def main() -> None:
    """Answer what was asked."""
    warnings.simplefilter("ignore")
    wanted = json.loads(Path("wanted.json").read_text(encoding="utf-8"))
    answers = [_look_up(path) for path in wanted["paths"]]
    attributes: set[str] = set()
    for name in sorted(sys.stdlib_module_names):
        if not name.startswith("_"):
            _import(name)
    for name in wanted["modules"]:
        _import(name)
    tops = set(sys.stdlib_module_names) | {name.split(".")[0] for name in wanted["modules"]}
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in tops and module is not None:
            attributes.update(_names(module))
    found = {
        "paths": answers,
        "modules": {name: name in sys.stdlib_module_names or _is_there(name) for name in wanted["modules"]},
        "attributes": sorted(name for name in attributes if isinstance(name, str)),
    }
    Path("found.json").write_text(json.dumps(found), encoding="utf-8")


main()
