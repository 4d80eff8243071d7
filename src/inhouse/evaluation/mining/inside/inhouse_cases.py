"""Calls functions with made inputs and writes down what they give: run in the sandbox, twice.

    {"functions": [{"module": "pkg.mod", "name": "f", "examples": ["(1, 2)"]}], "seed": 0, "cases": 60}

stands in `cases.json` beside this file; the answers are lines of `outcomes.jsonl`:

    {"function": 0, "cases": [[inputs, outcome], ...]}    both as text
    {"function": 0, "refused": REASON}
"""

from __future__ import annotations

import ast
import collections.abc
import importlib
import inspect
import json
import random
import signal
import sys
import types
import typing
from pathlib import Path
from typing import Any

__all__ = ["outcome_of"]

_HERE = Path(__file__).resolve().parent
_SECONDS_PER_CALL = 2.0
_LONGEST_OUTCOME = 2_000
_TRIES = 6  # inputs made for each that is wanted: equal ones count once
_WORDS = (
    "",
    "a",
    "Hello",
    "two words",
    "snake_case",
    "CamelCase",
    "x-y",
    "1",
    "-3",
    "a,b",
    "  spaced ",
    "naïve",
    "A\nB",
)
_FORBIDDEN_EVENTS = (
    "open",
    "socket.",
    "subprocess.",
    "os.",
    "shutil.",
    "urllib.",
    "tempfile.",
    "webbrowser.",
)
_calling = False
_seen_events: set[str] = set()


class _Refused(Exception):
    """There are no inputs to be made."""


def _audit(event: str, _arguments: tuple[Any, ...]) -> None:
    if _calling and event.startswith(_FORBIDDEN_EVENTS):
        _seen_events.add(event)


# The next function stands in the harness too, word for word.
def outcome_of(function: Any, arguments: tuple[Any, ...]) -> str:
    """Return what a call gives, as text: value and changed arguments, or the type of the exception."""
    given = [repr(argument) for argument in arguments]
    try:
        value = function(*arguments)
        if inspect.isgenerator(value) or isinstance(value, (map, filter, zip, enumerate, reversed)):
            value = [item for item, _ in zip(value, range(100), strict=False)]
        text = repr(value)
    except Exception as error:
        return "raises " + type(error).__name__
    after = [repr(argument) for argument in arguments]
    return text if after == given else text + " and leaves " + repr(after)


def _main() -> None:
    wanted = json.loads((_HERE / "cases.json").read_text())
    output = (_HERE / "outcomes.jsonl").open("a")
    sys.addaudithook(_audit)
    signal.signal(signal.SIGALRM, _stop)
    for number, function in enumerate(wanted["functions"]):
        row: dict[str, Any]
        try:
            row = {"cases": _cases(function, wanted["seed"], wanted["cases"])}
        except _Refused as refused:
            row = {"refused": str(refused)}
        except BaseException as error:
            row = {"refused": "it cannot be imported: " + type(error).__name__}
        print(json.dumps({"function": number, **row}), file=output, flush=True)


def _stop(_signal: int, _frame: Any) -> None:
    raise TimeoutError("the call took too long")


def _cases(wanted: dict[str, Any], seed: int, count: int) -> list[list[str]]:
    function: Any = importlib.import_module(wanted["module"])
    for name in wanted["name"].split("."):
        function = getattr(function, name)
    makers = _makers(function)
    rng = random.Random(f"{seed} {wanted['module']} {wanted['name']}")  # noqa: S311 - inputs, no secrets
    found: dict[str, str] = {}
    inputs = [example for example in wanted["examples"] if _is_literal(example)]
    for _ in range(count * _TRIES):
        made = repr(tuple(make(rng) for make in makers))
        if _is_literal(made):
            inputs.append(made)
    for text in inputs:
        if len(found) < count and text not in found:
            found[text] = _call(function, text)
    return [list(case) for case in found.items()]


def _call(function: Any, text: str) -> str:
    global _calling
    arguments = ast.literal_eval(text)
    _seen_events.clear()
    signal.setitimer(signal.ITIMER_REAL, _SECONDS_PER_CALL)
    _calling = True
    try:
        outcome = outcome_of(function, arguments)
    except BaseException as error:
        raise _Refused("a call ends the program: " + type(error).__name__) from None
    finally:
        _calling = False
        signal.setitimer(signal.ITIMER_REAL, 0)
    if _seen_events:
        raise _Refused("it reads or writes: " + sorted(_seen_events)[0])
    if outcome == "raises TimeoutError":
        raise _Refused("a call takes too long")
    if " at 0x" in outcome or len(outcome) > _LONGEST_OUTCOME:
        raise _Refused("what it gives has no short text")
    return outcome


def _is_literal(text: str) -> bool:
    try:
        return isinstance(ast.literal_eval(text), tuple)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False


# ------------------------------------------------------------ inputs, by annotation and default


def _makers(function: Any) -> list[Any]:
    try:
        hints = typing.get_type_hints(function)
    except Exception:
        hints = {}
    makers = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY:
            if parameter.default is parameter.empty:
                raise _Refused("it needs arguments by name")
            continue
        makers.append(_maker_of(parameter, hints.get(parameter.name, parameter.annotation)))
    if not makers:
        raise _Refused("it takes no arguments")
    return makers


def _maker_of(parameter: inspect.Parameter, annotation: Any) -> Any:
    if annotation is not parameter.empty and not isinstance(annotation, str):
        return _maker(annotation)
    if parameter.default is not parameter.empty and parameter.default is not None:
        default = parameter.default
        make = _maker(type(default))
        return lambda rng: default if rng.random() < 0.3 else make(rng)
    raise _Refused(f"nothing tells the type of {parameter.name}")


def _integer(rng: random.Random) -> int:
    return rng.choice((0, 1, 2, -1, 10, rng.randrange(-20, 100), rng.randrange(-20, 100)))


def _text(rng: random.Random) -> str:
    return rng.choice((rng.choice(_WORDS), rng.choice(_WORDS) + rng.choice(_WORDS), rng.choice(_WORDS) * 2))


_SIMPLE: dict[Any, Any] = {
    int: _integer,
    str: _text,
    bool: lambda rng: rng.random() < 0.5,
    float: lambda rng: rng.choice((0.0, 1.0, -2.5, round(rng.uniform(-100, 100), 3))),
    complex: lambda rng: complex(_integer(rng), _integer(rng)),
    bytes: lambda rng: _text(rng).encode(),
    type(None): lambda _rng: None,
    Any: lambda rng: rng.choice((_integer, _text))(rng),
    object: lambda rng: rng.choice((_integer, _text))(rng),
}
_LISTS = (
    list, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection,
    collections.abc.MutableSequence,
)  # fmt: skip
_SETS = (set, frozenset, collections.abc.Set, collections.abc.MutableSet)
_DICTS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


def _maker(annotation: Any) -> Any:
    if annotation in _SIMPLE:
        return _SIMPLE[annotation]
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if isinstance(annotation, typing.TypeVar):
        bound = annotation.__bound__ or (annotation.__constraints__ or (int,))[0]
        return _maker(bound)
    if origin is typing.Literal:
        return lambda rng: rng.choice(inner)
    if origin is typing.Annotated:
        return _maker(inner[0])
    if origin in (typing.Union, getattr(types, "UnionType", None)):
        return _maker_of_union(inner)
    kind = origin or annotation
    if kind is tuple:
        return _maker_of_tuple(inner)
    if kind in _LISTS:
        return _many(list, _maker(inner[0] if inner else int))
    if kind in _SETS:  # as a list: the text of a set hangs on the hash seed
        raise _Refused("it takes a set")
    if kind in _DICTS:
        key, value = (_maker(one) for one in (inner or (str, int)))
        return lambda rng: {key(rng): value(rng) for _ in range(rng.randrange(4))}
    raise _Refused(f"no inputs of the type {getattr(annotation, '__name__', annotation)}")


def _maker_of_union(inner: tuple[Any, ...]) -> Any:
    makers = []
    for one in inner:
        try:
            makers.append(_maker(one))
        except _Refused:
            continue
    if not makers or all(make is _SIMPLE[type(None)] for make in makers):
        raise _Refused("no inputs of its types")
    return lambda rng: rng.choice(makers)(rng)


def _maker_of_tuple(inner: tuple[Any, ...]) -> Any:
    if not inner or inner[-1] is Ellipsis:
        return _many(tuple, _maker(inner[0] if inner else int))
    makers = [_maker(one) for one in inner]
    return lambda rng: tuple(make(rng) for make in makers)


def _many(kind: Any, make: Any) -> Any:
    return lambda rng: kind(make(rng) for _ in range(rng.choice((0, 1, 2, 3, 5))))


if __name__ == "__main__":
    _main()
