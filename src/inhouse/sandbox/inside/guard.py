"""Notices what a candidate does to the interpreter that it shares with the tests.

It can only notice: code in one interpreter can undo what it did. Still, a candidate that replaces `len`, a
method of unittest, pytest's hooks or the clock, or that reaches for objects it was not given, is told from
one that solves the task, because the reference solution does none of that. What the reference does is
allowed.
"""

from __future__ import annotations

import sys
from types import FunctionType, ModuleType

from inhouse.sandbox.inside.counting import equal_to_everything

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Guard"]

_WATCHED = frozenset(
    [
        *(
            "builtins",
            "collections",
            "copy",
            "dataclasses",
            "functools",
            "importlib",
            "itertools",
            "json",
            "math",
        ),
        *(
            "operator",
            "os",
            "random",
            "re",
            "subprocess",
            "sys",
            "threading",
            "time",
            "traceback",
            "unittest",
        ),
        *("unittest.case", "unittest.mock", "unittest.result", "warnings"),
    ]
)
_WATCHED_PACKAGES = ("_pytest", "pluggy", "pytest")
_REACHES = frozenset(
    {
        "ctypes.PyObj_FromPtr",
        "ctypes.cdata",
        "ctypes.string_at",
        "gc.get_objects",
        "gc.get_referents",
        "gc.get_referrers",
        "sys._current_exceptions",
        "sys._current_frames",
        "sys.addaudithook",
        "sys.setprofile",
        "sys.settrace",
    }
)
_OFTEN_SET = ("argv", "last_exc", "last_traceback", "last_type", "last_value", "stderr", "stdin", "stdout")
_VOLATILE = frozenset(("sys", name) for name in _OFTEN_SET)


class Guard:
    """Remembers the interpreter as it is now. `allowed`: problems of the reference; None allows and records
    all."""

    def __init__(self, allowed: list[str] | None) -> None:
        self._allowed = None if allowed is None else frozenset(allowed)
        self._reached: set[str] = set()
        self._before = _parts()
        self._modules = set(sys.modules)
        sys.addaudithook(self._hear)

    def problems(self) -> list[str]:
        """Return what was replaced or reached for since the start, sorted."""
        now = _parts()
        changed = {f"replaced {name}" for name, part in self._before.items() if now.get(name) is not part}
        traced = {"left a trace function"} if sys.gettrace() or sys.getprofile() else set()
        return sorted(changed | traced | self._reached | self._false_equals())

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Refuse to hand out what lies outside of the candidate, unless the reference asked for it too."""
        if event in _REACHES:
            name = f"called {event}"
        elif event == "object.__setattr__" and arguments[1] == "__code__":
            name = "replaced a function's code"
        else:
            return
        self._reached.add(name)
        if self._allowed is not None and name not in self._allowed:
            raise RuntimeError(f"the sandbox does not allow {event}")

    def _false_equals(self) -> set[str]:
        """Return the new classes whose blank instance equals everything."""
        found = set()
        for name in set(sys.modules) - self._modules:
            module = sys.modules[name]
            if not isinstance(module, ModuleType) or "site-packages" in (
                getattr(module, "__file__", "") or ""
            ):
                continue
            for kind in list(vars(module).values()):
                if isinstance(kind, type) and kind.__module__ == name and "__eq__" in vars(kind):
                    found |= (
                        {f"equal to everything: {name}.{kind.__name__}"} if _always_equal(kind) else set()
                    )
        return found


def _always_equal(kind: type) -> bool:
    try:
        new: Any = kind.__new__
        return equal_to_everything(new(kind))
    except Exception:
        return False


def _parts() -> dict[str, Any]:
    """Return the named parts of the watched modules: functions with their code, classes with their
    methods."""
    parts: dict[str, Any] = {}
    for name, module in list(sys.modules.items()):
        if name in _WATCHED or name.split(".")[0] in _WATCHED_PACKAGES:
            for key, value in list(vars(module).items()):
                if (name, key) not in _VOLATILE and not key.startswith("__"):
                    _add(parts, f"{name}.{key}", value)
    return parts


def _add(parts: dict[str, Any], name: str, value: Any) -> None:
    if isinstance(value, FunctionType):
        parts[name] = value
        parts[f"{name}.__code__"] = value.__code__
    elif isinstance(value, type):
        parts[name] = value
        for key, member in list(vars(value).items()):
            if isinstance(member, FunctionType):
                parts[f"{name}.{key}"] = member
    elif callable(value):
        parts[name] = value
