"""Keys that configuration files define: YAML, TOML, JSON, INI, properties and .env, with their lines.

    http:
      timeout: 5        http, http.timeout

Readers are small and forgiving: a file that its format forbids gives the keys that could be read, or none.
Lists are data and are not looked into; nor are files that machines write, or that are too large.
"""

from __future__ import annotations

import re
from itertools import accumulate
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from inhouse.records import Symbol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["configuration_keys"]

_MAX_CHARACTERS = 200_000
_MAX_KEYS = 1_000
_MAX_DEPTH = 8
_MAX_SIGNATURE = 200  # characters
_MADE_BY_MACHINES = re.compile(
    r"(?:.*[-.])?lock\.(?:json|ya?ml)|.*\.lock|.*\.jsonl|.*\.ndjson|npm-shrinkwrap\.json"
)

_JSON_TOKEN = re.compile(r'"((?:\\.|[^"\\\n])*)"(\s*:)?|[{}\[\]]|//[^\n]*|/\*.*?\*/', re.S)
_TOML_TABLE = re.compile(r"\s*\[\[?\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?")
_TOML_KEY = re.compile(r"""\s*((?:[\w\-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w\-]+|"[^"]*"|'[^']*'))*)\s*=""")
_TOML_LONG = re.compile(r'"{3}|\'{3}')
_INI_SECTION = re.compile(r"\s*\[([^\]]+)\]")
_INI_KEY = re.compile(r"([A-Za-z_][\w.\-]*)\s*[=:]")
_ENV_KEY = re.compile(r"\s*(?:export\s+)?([A-Za-z_]\w*)=")

Key = tuple[str, int, int]  # with dots, first line, last line


def configuration_keys(path: str, text: str, language: str) -> tuple[Symbol, ...]:
    """Return the keys that a configuration file defines, by place; () for any other file."""
    name = PurePosixPath(path).name.lower()
    is_env = name == ".env" or name.startswith(".env.") or name.endswith(".env")
    read = _environment if is_env else _READERS.get(language)
    if read is None or len(text) > _MAX_CHARACTERS or _MADE_BY_MACHINES.fullmatch(name):
        return ()
    found: dict[str, Key] = {}
    for key in read(text):
        found.setdefault(key[0], key)
        if len(found) == _MAX_KEYS:
            break
    return tuple(_symbols(path, text, sorted(found.values(), key=lambda key: (key[1], key[0]))))


def _symbols(path: str, text: str, keys: Iterable[Key]) -> Iterator[Symbol]:
    lines = text.split("\n")
    ends = list(accumulate(len(line.encode("utf-8", "surrogatepass")) + 1 for line in lines))
    for name, first, last in keys:
        last = min(last, len(lines))
        yield Symbol(
            path=path,
            name=name.rpartition(".")[2],
            qualified_name=name,
            kind="key",
            start_line=first,
            end_line=last,
            start=ends[first - 2] if first > 1 else 0,
            end=ends[last - 1] - 1,
            signature=lines[first - 1].strip()[:_MAX_SIGNATURE],
            docstring=_comment(lines, first),
            body=ends[last - 1] - 1,
        )


def _comment(lines: list[str], line: int) -> str:
    """Return the words of the comment directly above a line."""
    block: list[str] = []
    for above in reversed(lines[: line - 1]):
        if not above.lstrip().startswith(("#", "//", ";")):
            break
        block.append(above.strip().lstrip("#/; "))
    return "\n".join(reversed(block))


def _yaml(text: str) -> Iterator[Key]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for document in yaml.compose_all(text, loader):
            yield from _of_mapping(document, "", 0, set())
    except (yaml.YAMLError, RecursionError, ValueError):
        return


def _of_mapping(node: Any, prefix: str, depth: int, seen: set[int]) -> Iterator[Key]:
    """Yield the keys below a node; what an alias repeats is not read again."""
    if getattr(node, "id", "") != "mapping" or depth > _MAX_DEPTH or id(node) in seen:
        return
    seen.add(id(node))
    for key, value in node.value:
        if key.id == "scalar" and key.value and "\n" not in key.value:
            name = f"{prefix}{key.value}"
            first, end = key.start_mark.line + 1, value.end_mark
            yield name, first, max(first, end.line + (end.column > 0))
            yield from _of_mapping(value, f"{name}.", depth + 1, seen)


def _toml(text: str) -> Iterator[Key]:
    prefix, inside = "", ""
    for number, line in enumerate(text.split("\n"), 1):
        marks = _TOML_LONG.findall(line)
        if inside:
            inside = "" if inside in marks and len(marks) % 2 else inside
            continue
        table, key = _TOML_TABLE.fullmatch(line), _TOML_KEY.match(line)
        if table:
            prefix = _unquoted(table[1])
            yield prefix, number, number
            prefix += "."
        elif key:
            yield prefix + _unquoted(key[1]), number, number
        inside = marks[0] if len(marks) % 2 else ""


def _unquoted(key: str) -> str:
    return re.sub(r"""\s*\.\s*|["']""", lambda match: "." if "." in match[0] else "", key)


def _json(text: str) -> Iterator[Key]:
    path: list[str | None] = []  # the keys of the open objects; None for a list or an object without key
    key: str | None = None
    line, before = 1, 0
    for token in _JSON_TOKEN.finditer(text):
        line += text.count("\n", before, token.start())
        before = token.start()
        sign = token[0][:1]
        if sign in "{[":
            path.append(key if sign == "{" and (key is not None or not path) else None)
            key = None
        elif sign in "}]":
            if path:
                path.pop()
        elif token[2] is not None:
            key = token[1]
            above = path[1:]
            if path and None not in above and len(above) <= _MAX_DEPTH and key:
                yield ".".join([*(each for each in above if each), key]), line, line
        elif sign == '"':
            key = None


def _ini(text: str) -> Iterator[Key]:
    prefix = ""
    for number, line in enumerate(text.split("\n"), 1):
        section, key = _INI_SECTION.match(line), _INI_KEY.match(line)
        if section:
            prefix = section[1].strip()
            yield prefix, number, number
            prefix += "."
        elif key:
            yield prefix + key[1], number, number


def _environment(text: str) -> Iterator[Key]:
    for number, line in enumerate(text.split("\n"), 1):
        key = _ENV_KEY.match(line)
        if key:
            yield key[1], number, number


_READERS: dict[str, Callable[[str], Iterator[Key]]] = {
    "ini": _ini,
    "json": _json,
    "toml": _toml,
    "yaml": _yaml,
}
