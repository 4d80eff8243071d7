"""What a text asks for: names, places, words that matter, and of which kinds it is.

identifier   Session.send   uv__read()   a::b     path     src/core.c   core.c:17
cursor       src/core.c:17:5                      diff     files, the functions of its hunks, the old lines
trace        frames, innermost first              error    what a program printed
issue        a title, then paragraphs, with what templates and environments add taken out
code, prose  what is left
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from inhouse.retrieval.traces import Frame, by_line, frames
from inhouse.retrieval.words import COMMON, LANGUAGES, compounds, parts, terms, tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Place", "Query", "code_query", "parts", "tokens", "understand"]

_WORD = re.compile(r"[^\W\d]\w*|\d\w*")
_RUN = re.compile(r"[\w.+-]*(?:/[\w.+-]+)+|[\w.+-]+")
_EXTENSIONS = (
    "bat bazel c cc cfg cjs cmake cpp cs css cu cxx go gradle groovy h hh hpp html hxx inc ini ipynb java js "
    "json jsx kt lua m md mjs mk php pl po proto ps1 pxd py pyi pyx rb rs rst scala scss sh sql swift tex "
    "toml ts tsx txt vue xml yaml yml zig"
)
_FILE = re.compile(rf"[\w+-][\w.+-]*\.(?:{'|'.join(_EXTENSIONS.split())})")
_PATH = re.compile(r"\.{0,2}/?[\w.+-]+(?:/[\w.+-]+)+")
_PLACE = re.compile(r"(?<![\w./\\+-])(?P<path>[\w./\\+-]++):(?P<line>\d{1,9})(?::(?P<column>\d{1,9}))?")
_NAME = re.compile(r"[^\W\d]\w*(?:(?:\.|::|->|#)~?[^\W\d]\w*)*(?:\(\))?[.;]?")
_DOTTED = re.compile(r"[^\W\d]\w*(?:(?:\.|::|->|#)~?[^\W\d]\w*)+")
_JOINT = re.compile(r"\.|::|->|#")
_STRUCTURED = re.compile(r"[a-z0-9][A-Z]|_|[A-Z]{2}")
_CALLED = re.compile(r"([^\W\d]\w*)\(")
_MARKED = re.compile(r"`([^`\n]{1,200})`")
_MAX_PATH = 300
_MAX_CHARACTERS = 50_000
_MAX_NAMES = 200
_LINES_BEFORE = 12

# ------------------------------------------------------------ of issues
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.S)
_HEADING = re.compile(r"^(?:#{1,6} +(?P<sharp>.+?)#*|\*\*(?P<bold>[^*]+)\*\*:?|__(?P<under>[^_]+)__:?)\s*$")
_ENVIRONMENT = re.compile(
    r"(?i)\b(?:environment|versions?|system info|platform|setup info|screenshots?|your project|checklist|"
    r"additional context|pip (?:list|freeze)|packages|operating system|dependencies)\b"
)
_CHECKBOX = re.compile(r"[-*] \[[ xX]\] ")
_PACKAGE = re.compile(
    r"(?:[-*] )?[\w.\[\]-]+(?:==|@|: ?| +)v?\d+(?:\.\w+)+(?: +\S+)?$"
    r"|(?:Installing collected packages: )?[\w.-]+(?:, [\w.-]+){14}"
)
_MAX_NOISE = 10_000  # characters of a line
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_TITLE = 300  # characters

# ------------------------------------------------------------ of the other kinds
_DIFF = re.compile(r"^(?:diff --git |@@ -\d+(?:,\d+)? \+\d+|--- \S+\n\+\+\+ \S+)", re.M)
_DIFF_FILE = re.compile(
    r"^(?:---|\+\+\+) (?:[ab]/)?(?P<path>[^\t\n]+)|^diff --git a/(?P<old>\S+) b/\S+", re.M
)
_HUNK = re.compile(r"^@@ -(?P<line>\d+)(?:,\d+)? \+\d+(?:,\d+)? @@ ?(?P<around>.*)$")
_ERROR = re.compile(
    r"(?m)^.{0,120}?(?:\b[A-Z]\w*(?:Error|Exception|Warning|Failure)\b(?::|$)|\b(?:error|fatal|panic|warning|exception)\b"
    r"(?:\[\w+\])?:|\bsegmentation fault|\bundefined reference|\bpanicked at)",
    re.I,
)
_MESSAGE = re.compile(
    r"\b(?:[A-Za-z_][\w.]*(?:Error|Exception|Warning|Failure)|error|fatal|panic|warning|exception)"
    r"(?:\[\w+\])?: *(.+)",
    re.I,
)
_QUOTED = re.compile(r"(?<!\w)(?:\"([^\"\n]{8,120})\"|'([^'\n]{8,120})'|`([^`\n]{8,120})`)(?!\w)")
_DATA = re.compile(r"\S{300,}")  # a run that is no name, and that names are not looked for in
_CODE_SIGN = re.compile(r"[=;{}()\[\]<>]|->|::")
_TESTS = frozenset({"test", "tests", "testing", "fixture", "fixtures", "pytest", "unittest", "spec", "specs"})
_SHORT = 25  # words: in a longer text the word "test" says nothing


class Place(NamedTuple):
    """A line of a file that was named."""

    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Query:
    """What a text asks for."""

    text: str  # what is left to be searched, for a source of vectors
    kinds: tuple[str, ...]
    words: dict[str, float]  # as the index has them (`words.terms`), with their weight
    title: tuple[str, ...]  # those of an issue's or a commit's first line, () for other texts
    languages: frozenset[str]  # that are named
    compounds: tuple[str, ...]  # neighbours written as one word; most of them exist nowhere
    identifiers: frozenset[str]  # simple names as written: may name a definition
    qualified: tuple[str, ...]  # names with their scope, joints as "."
    paths: tuple[str, ...]  # as written: may name a file
    places: tuple[Place, ...]
    frames: tuple[Frame, ...]  # innermost first
    quotes: tuple[str, ...]  # messages and strings, as written
    about_tests: bool
    characters_dropped: int  # of a text that is too long to search for


def understand(text: str) -> Query:
    """Return what any text asks for."""
    dropped = max(0, len(text) - _MAX_CHARACTERS)
    text = _DATA.sub(_shortened, text[:_MAX_CHARACTERS])
    stack = tuple(frames(text))
    kinds = tuple(_kinds(text, stack))
    said = _said(text, kinds)
    title = _title(said) if "issue" in kinds else ""
    counted = _words(said)
    places = tuple(_places(text, kinds))
    return Query(
        text=said,
        kinds=kinds,
        words={word: 1.0 + min(count - 1, 4) * 0.25 for word, count in counted.items()},
        title=tuple(_words(title)),
        languages=_languages(said, kinds),
        compounds=tuple(_joined(title or said)),
        identifiers=frozenset(_identifiers(said, kinds)),
        qualified=tuple(dict.fromkeys(_qualified(said)))[:_MAX_NAMES],
        paths=tuple(dict.fromkeys(_paths(text, kinds, places, stack)))[:_MAX_NAMES],
        places=places,
        frames=stack,
        quotes=tuple(dict.fromkeys(_quotes(said))),
        about_tests=_about_tests(said, kinds),
        characters_dropped=dropped,
    )


def _words(said: str) -> Counter[str]:
    """Return the index's words of a text; the name of a language is a wish unless it is all that is said."""
    found = [word for word in _WORD.findall(said) if word.lower() not in COMMON]
    kept = [word for word in found if word.lower() not in LANGUAGES] or found
    return Counter(term for word in kept for term in terms(word))


def _languages(said: str, kinds: tuple[str, ...]) -> frozenset[str]:
    """Return the languages that a short question wishes for."""
    words = _WORD.findall(said)
    if kinds != ("prose",) or len(words) > _SHORT:
        return frozenset()
    return frozenset(LANGUAGES[word] for word in map(str.lower, words) if word in LANGUAGES)


def code_query(message: str, path: str, before: str) -> str:
    """Return the query of a cursor: the commit message, the file's name and the lines before the cursor."""
    name = PurePosixPath(path).stem
    tail = before.split("\n")[-_LINES_BEFORE:]
    return "\n".join([message.strip().split("\n\n")[0], name, *tail])


# ------------------------------------------------------------------ kinds


def _kinds(text: str, stack: tuple[Frame, ...]) -> Iterator[str]:
    """Yield what a text is: one kind when it is short, several for an issue with code and a trace."""
    whole = text.strip()
    if not _WORD.search(whole):
        yield "empty"
    elif place := _PLACE.fullmatch(whole):
        yield "cursor" if place["column"] else "path"
    elif _is_path(whole):
        yield "path"
    elif _NAME.fullmatch(whole) and (
        _STRUCTURED.search(whole) or _DOTTED.match(whole) or whole.isidentifier()
    ):
        yield "identifier"
    elif _DIFF.search(whole):
        yield "diff"
    else:
        yield from _kinds_of_prose(whole, stack)


def _kinds_of_prose(whole: str, stack: tuple[Frame, ...]) -> Iterator[str]:
    lines = [line for line in whole.splitlines() if line.strip()]
    code = sum(_looks_like_code(line) for line in lines)
    if len(lines) > 1 and len(lines[0].split()) > 1 and _is_prose(lines[0]):
        yield "issue"
    if stack:
        yield "trace"
    if _ERROR.search(whole):
        yield "error"
    if 2 * code > len(lines):
        yield "code"
    elif not stack or len(lines) > len(stack) * 2 + 2:
        yield "prose"


def _is_prose(line: str) -> bool:
    return not (_looks_like_code(line) or line.startswith("Traceback") or frames(line))


def _looks_like_code(line: str) -> bool:
    return len(_CODE_SIGN.findall(line)) * 10 >= len(line.strip()) or line.startswith(("    ", "\t"))


def _about_tests(said: str, kinds: tuple[str, ...]) -> bool:
    """Tell whether tests are wanted: a report of a fault tells of tests, but wants what they test."""
    if "issue" in kinds or "trace" in kinds:
        return False
    return len(said.split()) <= _SHORT and not _TESTS.isdisjoint(tokens(said))


# ------------------------------------------------------------------ what is said


def _shortened(match: re.Match[str]) -> str:
    """Return a long run as its words, so that no pattern runs over it again and again."""
    return " ".join(tokens(match[0]))


def _said(text: str, kinds: tuple[str, ...]) -> str:
    if "diff" in kinds:
        return "\n".join(_of_diff(text))
    if "trace" in kinds:
        text = "\n".join(frame[0].function if frame else line for line, frame in by_line(text))
    if "issue" in kinds:
        return "\n".join(_of_issue(text)) or text
    return text


def _of_diff(text: str) -> Iterator[str]:
    """Yield the paths, the functions of the hunks, the old lines and those around them; no new ones."""
    for line in text.splitlines():
        if hunk := _HUNK.match(line):
            yield hunk["around"]
        elif named := _DIFF_FILE.match(line):
            yield named["path"] or named["old"]
        elif not line.startswith(("+", "index ")):
            yield line[1:] if line.startswith(("-", " ")) else line


def _of_issue(text: str) -> Iterator[str]:
    """Yield the lines of an issue that its author wrote for it: no template, no list of packages."""
    skipping = fenced = False
    for line in _COMMENT.sub("", text).splitlines():
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced and (heading := _HEADING.match(line)):
            skipping = bool(_ENVIRONMENT.search(heading["sharp"] or heading["bold"] or heading["under"]))
            continue
        elif line.strip() == "</details>":
            skipping = False
            continue
        if not skipping and not _is_noise(line.strip()):
            yield line


def _is_noise(line: str) -> bool:
    return len(line) <= _MAX_NOISE and bool(_CHECKBOX.match(line) or _PACKAGE.match(line))


def _title(said: str) -> str:
    return next((line for line in said.splitlines() if line.strip()), "")[:_TITLE]


def _joined(text: str) -> Iterator[str]:
    """Yield neighbouring words, inside one line, written as one."""
    for line in text[: 4 * _TITLE].splitlines():
        yield from compounds([word.lower() for word in re.findall(r"[^\W\d_][^\W_]*", line)])


def _quotes(said: str) -> Iterator[str]:
    """Yield what programs printed and what stands in quotation marks and has a blank in it."""
    for line in said.splitlines()[:400]:
        if found := _MESSAGE.search(line[:1_000]):
            yield found[1].strip().rstrip(".")
        for quoted in _QUOTED.findall(line[:1_000]):
            words = "".join(quoted).strip()
            if " " in words:
                yield words


# ------------------------------------------------------------------ names and places


def _identifiers(said: str, kinds: tuple[str, ...]) -> Iterator[str]:
    """Yield names: words with structure, called or marked as code, or all that was asked."""
    if "identifier" in kinds:
        yield from _WORD.findall(said)[-1:]
    if not {"identifier", "path", "cursor"}.isdisjoint(kinds):
        return
    marked = {word for quoted in _MARKED.findall(said) for word in _WORD.findall(quoted)}
    named = {*_CALLED.findall(said), *marked}
    yield from (word for word in _WORD.findall(said) if word in named or _STRUCTURED.search(word))
    yield from (_JOINT.split(dotted)[-1] for dotted in _dotted(said))


def _qualified(said: str) -> Iterator[str]:
    """Yield ``Class.method`` for each way of writing it, the longest name first."""
    for dotted in _dotted(said):
        names = _JOINT.split(dotted)
        for first in range(len(names) - 1):
            yield ".".join(names[first:])


def _dotted(said: str) -> Iterator[str]:
    return (dotted for dotted in _DOTTED.findall(said) if not _FILE.fullmatch(dotted))


def _places(text: str, kinds: tuple[str, ...]) -> Iterator[Place]:
    if "diff" in kinds:
        yield from _places_of_diff(text)
        return
    whole = "path" in kinds or "cursor" in kinds
    for found in _PLACE.finditer(text):
        path = found["path"].replace("\\", "/")
        if whole or _is_path(path):
            yield Place(path, int(found["line"]))


def _places_of_diff(text: str) -> Iterator[Place]:
    path = ""
    for line in text.splitlines():
        if (named := _DIFF_FILE.match(line)) and named["path"] and named["path"] != "/dev/null":
            path = named["path"]
        elif (hunk := _HUNK.match(line)) and path:
            yield Place(path, int(hunk["line"]))


def _paths(
    text: str, kinds: tuple[str, ...], places: Iterable[Place], stack: Iterable[Frame]
) -> Iterator[str]:
    """Yield the paths that were named; those of frames are no more than frames."""
    framed = {frame.path for frame in stack}
    yield from (place.path for place in places if place.path not in framed)
    if "diff" in kinds:
        found = (match["path"] or match["old"] for match in _DIFF_FILE.finditer(text))
        yield from (path for path in found if path != "/dev/null")
        return
    if "identifier" in kinds:  # a file may be called so: Makefile
        yield text.strip()
    if "path" in kinds and not _PLACE.fullmatch(text.strip()):
        yield text.strip().replace("\\", "/")
    runs = (run.strip(".") for run in _RUN.findall(text))
    yield from (run for run in runs if run not in framed and _is_path(run))


def _is_path(run: str) -> bool:
    return len(run) <= _MAX_PATH and bool(_PATH.fullmatch(run) or _FILE.fullmatch(run))
