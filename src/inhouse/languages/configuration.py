"""Reads of the configuration: environment variables, and keys of objects that are named as settings are.

    os.environ["HOME"]   getenv("HOME")   process.env.HOME
    settings.get("http.timeout")          config["http"]["timeout"]

Only literal keys are seen, and only where the name says what it is: `options["x"]` may be any dictionary.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from inhouse.languages.captures import Called
    from inhouse.languages.parsed import Comment

__all__ = ["keys_read"]

_ENVIRONMENT = frozenset(
    {
        "Deno.env.get",
        "System.getProperty",
        "System.getenv",
        "env",
        "env!",
        "env::var",
        "env::var_os",
        "environ.get",
        "environ.setdefault",
        "getenv",
        "option_env!",
        "os.Getenv",
        "os.LookupEnv",
        "os.environ.get",
        "os.environ.pop",
        "os.environ.setdefault",
        "os.getenv",
        "secure_getenv",
        "std::env::var",
        "std::env::var_os",
        "std::getenv",
    }
)
_SETTINGS = re.compile(
    r"(?:.*(?:\.|->|::))?_*(?:app_?)?(?:config|settings|conf|cfg|configuration|configparser|viper)_*"
    r"(?:\.|->|::)get\w*",
    re.I,
)
_NAMED = re.compile(r"[cC]onf|[cC]fg|[sS]ettings|viper")
_LITERAL = re.compile(rb"""\s*\(\s*["']([A-Za-z_][\w.\-]*)["']\s*(?:[,)]|\.)""")
_MARKS = (
    b"environ[",
    b"process.env",
    b"config[",
    b"settings[",
    b"CONFIG[",
    b"conf[",
    b"cfg[",
    b"Config[",
    b"import.meta.env.",
)
_SUBSCRIPTS = re.compile(
    rb"""(?:(?:environ|process\.env|(?i:config|settings|conf|cfg))"""
    rb"""((?:\[["'][A-Za-z_][\w.\-]*["']\])+)|(?:process|import\.meta)\.env\.([A-Za-z_]\w*))"""
)
_KEY = re.compile(rb"""\[["']([^"']+)["']\]""")
_WRITTEN = re.compile(rb"\s*=[^=]")
_LONGEST_MARK = 200  # bytes of a chain of subscripts that are looked at


def keys_read(
    source: bytes, calls: Mapping[tuple[int, int], Called], comments: Mapping[int, Comment]
) -> Iterator[tuple[str, int, int]]:
    """Yield (key, start, end) of each read; several subscripts are one key with dots."""
    for (start, end), (name, _, _) in calls.items():
        if name in _ENVIRONMENT or ("et" in name and _NAMED.search(name) and _SETTINGS.fullmatch(name)):
            literal = _LITERAL.match(source, source.find(b"(", start), min(end, start + _LONGEST_MARK))
            if literal:
                yield literal[1].decode("utf-8", "replace"), start, end
    for mark in _MARKS:
        place = source.find(mark)
        while place >= 0:
            found = _SUBSCRIPTS.match(source, place, place + _LONGEST_MARK)
            if found and not (_WRITTEN.match(source, found.end()) or _in_comment(found.start(), comments)):
                key = found[2] or b".".join(_KEY.findall(found[1]))
                yield key.decode("utf-8", "replace"), found.start(), found.end()
            place = source.find(mark, place + len(mark))


def _in_comment(offset: int, comments: Mapping[int, Comment]) -> bool:
    return any(comment.start <= offset < comment.end for comment in comments.values())
