"""What runners print: how many tests passed, and how each part of a suite that can be run alone ended.

A part, called unit, is a test of ctest, a script of automake, a file of node's runner, or a test program.
"""

from __future__ import annotations

import re

__all__ = ["NETWORK", "NOT_BUILT", "complaint", "last_words", "marks", "unit_ends"]

NETWORK = re.compile(
    r"Network is unreachable|Name or service not known|[Nn]ame resolution|getaddrinfo|Errno -[23]\b|Errno 101"
    r"|ConnectError|ConnectionRefused|Max retries exceeded|URLError|Operation not permitted.*socket"
    r"|\bE(?:CONNREFUSED|NETUNREACH|AI_AGAIN|NOTFOUND|HOSTUNREACH|NETDOWN)\b|[Cc]onnection refused"
    r"|fetch failed"
)
"""What a test says that needs the network."""

NOT_BUILT = re.compile(r"^\S+:\d+:(?:\d+:)? (?:fatal )?error: |^(?:\w+: )?SyntaxError: ", re.M)
"""What a compiler, or an interpreter that reads a file, complains of."""

_SUMMARIES = (
    re.compile(r"^[#\u2139] pass (\d+)\s*$", re.M),  # node
    re.compile(r"^\d+% tests passed, \d+ tests failed out of (\d+)", re.M),  # ctest; all of them, or it fails
)
_INNER = re.compile(r"^\d+: (.*)$", re.M)  # what a test of ctest says itself
_COMPLAINT = re.compile(
    r"^.*(?:\b[Ee]rror: (?!\|)|\bCannot find |No such file or directory|\*\*\*[A-Z]).*$", re.M
)
_MARK = re.compile(r"\b(?:ok|pass|passed)\b|[✓✔]", re.I)
_NO_MARK = re.compile(r"\bnot ok\b|\bfail", re.I)
_ENDS = (
    re.compile(
        r"^\s*\d+/\d+ Test\s+#\d+: (?P<unit>.+?) \.*\s*(?P<end>Passed|\*\*\*[\w ]+?)\s+[\d.]+ sec", re.M
    ),
    re.compile(r"^(?P<end>PASS|FAIL|XFAIL|XPASS|ERROR|TIMEOUT): (?P<unit>\S+)", re.M),
)
_GOOD = ("Passed", "PASS", "XFAIL")
_HUNG = ("***Timeout", "TIMEOUT")


def marks(output: str) -> int:
    """Count the passed tests that a runner reported: by its summary, else by its lines that say so.

    Of ctest both count, because a test that leaves early says less than one that runs to its end.

    >>> marks("ok 1 - adds\\nnot ok 2 - takes away\\n# pass 1\\n")
    1
    >>> marks("test_add ... ok\\ntest_sub: PASSED\\n1 test failed\\n")
    2
    >>> marks("1: a.c:3:adds:PASS\\n1: a.c:9:divides:PASS\\n100% tests passed, 0 tests failed out of 1\\n")
    3
    """
    for summary in _SUMMARIES:
        found = summary.findall(output)
        if found:
            return sum(map(int, found)) + _lines("\n".join(_INNER.findall(output)))
    return _lines(output)


def _lines(output: str) -> int:
    return sum(bool(_MARK.search(line)) and not _NO_MARK.search(line) for line in output.splitlines())


def unit_ends(output: str) -> dict[str, str]:
    """Return how each unit ended: "passed", "failed" or "hung". One with several ends has its worst.

    >>> unit_ends("1/2 Test #1: a ....   Passed    0.01 sec\\n2/2 Test #2: b c ...***Timeout   1.50 sec\\n")
    {'a': 'passed', 'b c': 'hung'}
    >>> unit_ends("PASS: a.sh 1\\nFAIL: a.sh 2\\nXFAIL: b.sh\\n")
    {'a.sh': 'failed', 'b.sh': 'passed'}
    """
    ends: dict[str, str] = {}
    for pattern in _ENDS:
        for found in pattern.finditer(output):
            unit, end = found["unit"], _end(found["end"])
            ends[unit] = end if ends.get(unit, "passed") == "passed" else ends[unit]
    return ends


def _end(word: str) -> str:
    if word in _GOOD:
        return "passed"
    return "hung" if word.startswith(_HUNG) else "failed"


def complaint(output: str, lines: int = 2, most: int = 300) -> str:
    """Return the first lines of an output that name an error, else its last words.

    >>> complaint("making a.o\\na.c:1: error: no such thing\\nmake: *** [a.o] Error 1\\n", 1)
    'a.c:1: error: no such thing'
    >>> complaint("no luck\\n")
    'no luck'
    """
    found = list(dict.fromkeys(line.strip() for line in _COMPLAINT.findall(output)))
    return " | ".join(found[:lines])[:most] or last_words(output, 3, most)


def last_words(text: str, lines: int = 1, most: int = 300) -> str:
    """Return the last lines of an output that say something, on one line.

    >>> last_words("one\\ntwo\\n=====\\n\\n", 2)
    'one | two'
    """
    spoken = [line.strip() for line in text.splitlines() if line.strip(" =-_")]
    return " | ".join(spoken[-lines:])[-most:]
