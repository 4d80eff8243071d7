"""Stack traces in any text, of many languages.

Python      File "app/core.py", line 3, in run       pytest  app/core.py:3: in run
Java        at com.shop.Cart.add(Cart.java:17)       JS      at add (file:///srv/cart.js:17:5)
Go          shop.(*Cart).Add(...) and below it       Rust    3: shop::cart::add and below it
                /srv/cart.go:17 +0x1d                            at ./src/cart.rs:17:5
gdb         #1  0x40 in add (c=0x0) at cart.c:17     sanitizers  #1 0x40 in add /srv/cart.c:17:5
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Frame", "by_line", "frames"]

_MAX_FRAMES = 200
_MAX_LINE = 1_000  # characters; what is longer is no frame


class Frame(NamedTuple):
    """A place on a stack."""

    path: str  # as written, with slashes
    line: int
    function: str  # its simple name, "" when it is not said


_OUTERMOST_FIRST = (
    re.compile(r'File "(?P<path>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>\S+))?'),
    re.compile(r"^\s*(?P<path>[\w./\\-]+\.pyx?):(?P<line>\d+): (?:in (?P<function>\S+)|[A-Z]\w+)"),
)
_INNERMOST_FIRST = (
    re.compile(
        r"\bat (?:[\w.-]*/)?(?P<function>[\w$.<>]+)\((?P<path>\w+\.(?:java|kt|scala)):(?P<line>\d+)\)"
    ),
    re.compile(r"#\d+\s+(?:0x\w+ in )?(?P<function>[\w:~<>]+)\s*\(.*\) at (?P<path>[^\s:]+):(?P<line>\d+)"),
    re.compile(r"#\d+\s+0x\w+ in (?P<function>[\w:~<>]+)(?:\(.*\))? (?P<path>[^\s:]+\.\w+):(?P<line>\d+)"),
    re.compile(
        r"^\s*at (?:(?:async |new )*(?P<function>[\w$.<>]+)(?: \[as \w+\])? \()?"
        r"(?:file://)?(?P<path>[^\s():]+\.[cm]?[jt]sx?):(?P<line>\d+):\d+"
    ),
    re.compile(
        r"^\s*(?P<function>[\w$./<>]*)@(?:\w+://[^/\s]+/)?(?P<path>[^\s:@]+\.[cm]?[jt]sx?):(?P<line>\d+):\d+"
    ),
    re.compile(r"\bpanicked at (?:'.*', )?(?P<path>[\w./\\-]+\.rs):(?P<line>\d+)"),
)
_BELOW_ITS_FUNCTION = (  # a place, and what the line above it looks like
    (
        re.compile(r"^\s+(?P<path>[\w./@\\-]+\.go):(?P<line>\d+)(?: \+0x\w+)?\s*$"),
        re.compile(r"^(?:created by )?(?P<function>[\w./*()-]+?)(?:\([^()]*\))?(?: in goroutine \d+)?\s*$"),
    ),
    (
        re.compile(r"^\s+at (?P<path>[\w./\\-]+\.rs):(?P<line>\d+)"),
        re.compile(r"^\s*\d+: +(?:0x\w+ - )?(?P<function>[\w:<>{}# ]+)$"),
    ),
)
_HASH = re.compile(r"::h[0-9a-f]{16}$|::\{\{closure\}\}")
_NO_NAME = re.compile(r"[^\w~]+")


def frames(text: str) -> list[Frame]:
    """Return the frames in a text, innermost first; of several traces, Python's last one comes first."""
    found = [frame for _, frame in by_line(text) if frame is not None]
    outermost_first = [frame for frame, order in found if order]
    innermost_first = [frame for frame, order in found if not order]
    return list(dict.fromkeys([*reversed(outermost_first), *innermost_first]))[:_MAX_FRAMES]


def by_line(text: str) -> Iterator[tuple[str, tuple[Frame, bool] | None]]:
    """Yield each line, with its frame and whether the trace has its outermost frame first, if it is one."""
    above = ""
    for line in text.splitlines():
        yield line, _read(line, above) if len(line) <= _MAX_LINE and (":" in line or '"' in line) else None
        above = line[:_MAX_LINE]


def _read(line: str, above: str) -> tuple[Frame, bool] | None:
    for pattern in _OUTERMOST_FIRST:
        if match := pattern.search(line):
            return _frame(match, match["function"]), True
    for pattern in _INNERMOST_FIRST:
        if match := pattern.search(line):
            return _frame(match, match.groupdict().get("function")), False
    for pattern, function in _BELOW_ITS_FUNCTION:
        if match := pattern.search(line):
            named = function.match(above)
            return _frame(match, named["function"] if named else ""), False
    return None


def _frame(match: re.Match[str], function: str | None) -> Frame:
    path = match["path"].replace("\\", "/")
    function = _HASH.sub("", function or "")
    if path.endswith((".java", ".kt", ".scala")):  # its package is the folder
        path = "/".join([*function.split(".")[:-2], path])
    words = [word for word in _NO_NAME.split(function) if word]
    return Frame(path, int(match["line"][:9]), words[-1] if words else "")
