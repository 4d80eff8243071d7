"""Runs inside the sandbox: the process that runs the candidate's code; a child of the referee.

It answers questions about the candidate's functions (the game "apart"), or runs the tests itself ("together",
"pytest") and proves its claim with a key that it was given before the candidate's code ran and a word that it
is given after the tests have ended, so that while candidate code runs the word is nowhere in this process.
"""

from __future__ import annotations

import json
import os
import random
import sys
from types import ModuleType

from inhouse.sandbox.inside.counting import run_counted
from inhouse.sandbox.inside.values import decode, encode
from inhouse.sandbox.inside.wire import receive, send

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

__all__ = ["play", "signer", "told"]

_OPEN_FILES = 4096


def play(given: dict[str, Any], questions: int, answers: int) -> NoReturn:
    """Play to the end and leave without running anything that the candidate has registered."""
    leave, write = os._exit, os.write  # the candidate may replace them
    try:
        _leave_the_referee(questions, answers)
        if given["game"] == "apart":
            _apart(given, questions, answers)
        else:
            _together(given, questions, answers)
    except BaseException as raised:
        text = json.dumps(["failed", told(raised)]).encode("ascii")
        write(answers, len(text).to_bytes(4, "big") + text)
    finally:
        leave(0)


def told(raised: BaseException) -> str:
    """Return an exception as one line."""
    try:
        import traceback  # here, and others elsewhere: each costs every run some milliseconds

        return traceback.format_exception_only(raised)[-1].strip()[:500] or type(raised).__name__
    except BaseException:  # its text is the candidate's code
        return type(raised).__name__


def signer(key: bytes) -> Callable[[str], str]:
    """Return a function that signs one text. The key itself is nowhere in what it holds, only its digest's
    state."""
    import hashlib
    import hmac

    state = hmac.new(key, digestmod=hashlib.sha256)

    def sign(text: str) -> str:
        state.update(text.encode())
        return state.hexdigest()

    return sign


def _leave_the_referee(questions: int, answers: int) -> None:
    """Give up every handle of the referee: input is empty, output goes to standard error."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # nothing is flushed at the end
    for first, last in ((3, min(questions, answers)), (min(questions, answers) + 1, max(questions, answers))):
        os.closerange(first, last)
    os.closerange(max(questions, answers) + 1, _OPEN_FILES)
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - pathlib is slow to import
    sys.argv = ["candidate"]
    random.seed(0)


def _hide_ourselves() -> None:
    """Leave the names of our modules to the candidate, which may well be a part of inhouse."""
    for name in [name for name in sys.modules if name == "inhouse" or name.startswith("inhouse.")]:
        del sys.modules[name]


def _load(entry: str) -> ModuleType:
    """Run the candidate's main file as the module `candidate`."""
    module = ModuleType("candidate")
    module.__file__ = entry
    sys.modules["candidate"] = module
    with open(entry, "rb") as stream:  # noqa: PTH123 - pathlib is slow to import
        exec(compile(stream.read(), entry, "exec"), vars(module))  # noqa: S102
    return module


def _apart(given: dict[str, Any], questions: int, answers: int) -> None:
    receive(questions)
    _hide_ourselves()
    module = _load(given["entry"])
    kept: list[Any] = []

    def keep(value: Any) -> int:
        kept.append(value)
        return len(kept) - 1

    names = [[name, _shown(value, keep)] for name, value in vars(module).items() if not name.startswith("__")]
    send(answers, ["ready", names])
    while True:
        what, data = receive(questions)
        args = [decode(arg, _no_remote, kept.__getitem__) for arg in data[0]]
        kwargs = decode(data[1], _no_remote, kept.__getitem__)
        answer: dict[str, Any] = {}
        try:
            answer["value"] = encode(_asked(what, args, kwargs), keep)
        except BaseException as raised:
            answer["raised"] = [[kind.__name__ for kind in type(raised).__mro__], told(raised)]
        answer["args"] = [encode(arg, keep) for arg in args]
        send(answers, ["answer", answer])


def _shown(value: Any, keep: Any) -> Any:
    return ["module", value.__name__] if isinstance(value, ModuleType) else encode(value, keep)


def _asked(what: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    target, *rest = args
    if what == "call":
        return target(*rest, **kwargs)
    if what == "attribute":
        return getattr(target, rest[0])
    if what == "item":
        return target[rest[0]]
    ways: dict[str, Any] = {"items": list, "length": len, "truth": bool}
    return ways[what](target)


def _no_remote(number: int) -> Any:
    raise ValueError(number)


def _together(given: dict[str, Any], questions: int, answers: int) -> None:
    """Run tests and candidate in this interpreter and prove the claim."""
    _, key = receive(questions)
    sign = signer(bytes.fromhex(key))
    del key
    claim = (_with_pytest if given["game"] == "pytest" else _with_program)(given, questions, answers)
    send(answers, ["done", claim])
    _, word = receive(questions)
    send(answers, ["proof", sign(json.dumps(claim, sort_keys=True) + word)])


def _with_program(given: dict[str, Any], questions: int, answers: int) -> dict[str, Any]:
    from inhouse.sandbox.inside.guard import Guard

    _hide_ourselves()
    guard = Guard(given["allowed"])
    module = _load(given["entry"])
    send(answers, ["ready", None])
    _, program = receive(questions)
    checks, raised = run_counted(program, dict(vars(module)))
    error = "" if raised is None else told(raised)
    return {"error": error, "checks": checks, "tests": {}, "problems": guard.problems()}


def _with_pytest(given: dict[str, Any], questions: int, answers: int) -> dict[str, Any]:
    from inhouse.sandbox.inside.guard import Guard
    from inhouse.sandbox.inside.recorder import load_pytest, run_pytest

    _hide_ourselves()
    load_pytest()
    guard = Guard(given["allowed"])
    send(answers, ["ready", None])
    _, words = receive(questions)
    tests, complaint, late = run_pytest(words)
    return {"error": complaint, "checks": 0, "tests": tests, "problems": sorted([*guard.problems(), *late])}
