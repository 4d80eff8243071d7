"""Where a piece is from, as a comment of its language.

# src/app/retry.py:10-24 in class Retry(Base)      lines 10 to 24 of the file follow, and nothing else
# src/app/retry.py                                 a file: its imports or signatures follow, or nothing
def wait(self, attempt)  # 12-18                   a definition that is not shown, and its lines
# commit 62558a35e5f1                              of the index that all of it is from
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inhouse.digests import short

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["comment", "commit_mark", "file_mark", "lines_mark", "trailing_mark"]

_OPENINGS = {
    "//": "c cpp csharp go java javascript json kotlin php protobuf rust scala swift typescript",
    "--": "haskell lua sql",
    "%": "tex",
    "..": "rst",
    "rem": "batch",
    "<!--": "html markdown xml",
    "/*": "css",
    "{#": "jinja",
}
_OPENING = {language: opening for opening, words in _OPENINGS.items() for language in words.split()}
_CLOSING = {"<!--": " -->", "/*": " */", "{#": " #}"}


def comment(language: str, text: str) -> str:
    """Return `text` as a comment of the language, without a line end; "#" where the language has none."""
    opening = _OPENING.get(language, "#")
    return f"{opening} {text}{_CLOSING.get(opening, '')}"


def lines_mark(language: str, path: str, lines: tuple[int, int], scope: Sequence[str] = ()) -> str:
    """Return what stands before lines of a file, and the signatures of the definitions around them."""
    around = f" in {' / '.join(scope)}" if scope else ""
    return comment(language, f"{path}:{lines[0]}-{lines[1]}{around}") + "\n"


def file_mark(language: str, path: str) -> str:
    """Return what names a file."""
    return comment(language, path) + "\n"


def trailing_mark(language: str, lines: tuple[int, int]) -> str:
    """Return what stands behind the signature of a definition."""
    return "  " + comment(language, f"{lines[0]}-{lines[1]}") + "\n"


def commit_mark(language: str, commit: str) -> str:
    """Return what names the commit of the index."""
    return comment(language, f"commit {short(commit)}") + "\n"
