"""Values as text, for two processes that do not trust each other. Runs inside the sandbox: standard library
only.

Exact built-in types cross as copies. A subclass of one crosses as its base, read with the base's own methods,
so that an object that claims to equal everything arrives as the plain value that it is. Anything else stays
where it is and crosses as a number that only its owner can use.

    None, bool, str   themselves          list, tuple, set, frozenset   ["list", [items]]
    int, float        ["int", hex]        dict                          ["dict", [[key, value], ...]]
    bytes, complex    ["bytes", hex]      anything else                 ["object", number]
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Remote", "decode", "encode"]

_DEPTH = 200
_GROUPS: dict[str, Any] = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}


class Remote:
    """An object that stayed in the other process. `ask` sends a request about it there and gives the
    answer."""

    def __init__(self, number: int, ask: Any) -> None:
        object.__setattr__(self, "_number", number)
        object.__setattr__(self, "_ask", ask)

    def __getattr__(self, name: str) -> Any:
        """Ask for a public attribute."""
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return self._ask("attribute", self, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Have it called."""
        return self._ask("call", self, *args, **kwargs)

    def __iter__(self) -> Any:
        return iter(self._ask("items", self))

    def __len__(self) -> int:
        return int(self._ask("length", self))

    def __bool__(self) -> bool:
        return bool(self._ask("truth", self))

    def __getitem__(self, key: Any) -> Any:
        return self._ask("item", self, key)

    def __eq__(self, other: object) -> bool:
        raise TypeError("an object of the candidate cannot be compared from outside")

    __hash__ = None  # type: ignore[assignment]


def encode(value: Any, keep: Any, depth: int = 0) -> Any:
    """Return a value as JSON-ready data. `keep` takes an object that must stay and returns its number."""
    if depth > _DEPTH:
        raise ValueError("a value is nested too deeply")
    if value is None or value is True or value is False or type(value) is str:
        return value
    if isinstance(value, Remote):
        return ["yours", object.__getattribute__(value, "_number")]
    plain = _plain(value)
    if plain is not None:
        return plain
    for name, kind in _GROUPS.items():
        if isinstance(value, kind):
            return [name, [encode(item, keep, depth + 1) for item in kind.__iter__(value)]]
    if isinstance(value, dict):
        return [
            "dict",
            [[encode(k, keep, depth + 1), encode(v, keep, depth + 1)] for k, v in dict.items(value)],
        ]
    return ["object", keep(value)]


def _plain(value: Any) -> Any:
    if type(value).__module__ == "numpy" and hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()
    if isinstance(value, int):
        return ["int", hex(int.__index__(value))]
    if isinstance(value, float):
        return ["float", float.hex(float.__float__(value))]
    if isinstance(value, complex):
        whole = complex.__add__(value, 0j)
        return ["complex", whole.real.hex(), whole.imag.hex()]
    if isinstance(value, bytes):
        return ["bytes", bytes.hex(value)]
    if isinstance(value, str):
        return "".join(str.__iter__(value))  # of a subclass: an exact one has crossed already
    return None


def decode(data: Any, theirs: Any, ours: Any) -> Any:
    """Return the value of data from the other process. `theirs(number)` stands for an object that stayed
    there, `ours(number)` gives back one of our own. Raises ValueError, TypeError, KeyError or IndexError for
    nonsense.
    """
    if data is None or isinstance(data, bool | str):
        return data
    kind = data[0]
    if kind in _GROUPS:
        return _GROUPS[kind](decode(item, theirs, ours) for item in data[1])
    if kind == "dict":
        return {decode(key, theirs, ours): decode(value, theirs, ours) for key, value in data[1]}
    if kind == "int":
        return int(data[1], 16)
    if kind == "float":
        return float.fromhex(data[1])
    if kind == "complex":
        return complex(float.fromhex(data[1]), float.fromhex(data[2]))
    if kind == "bytes":
        return bytes.fromhex(data[1])
    if kind == "object":
        return theirs(data[1])
    if kind == "yours":
        return ours(data[1])
    raise ValueError(f"unknown kind {kind!r}")
