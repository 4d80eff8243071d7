"""Path patterns, against git itself."""

from __future__ import annotations

import itertools
import random
import subprocess
from typing import TYPE_CHECKING

import pytest

from inhouse.hygiene.patterns import PathPatterns, attribute_regex

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["a", "b", "ab", "a.py", "x"]
PARTS = [
    "a",
    "b",
    "ab",
    "a.py",
    "x",
    "**",
    "*",
    "*.py",
    "?",
    "[ab]",
    "[!a]",
    "[^b]",
    "a*",
    "*b",
    "[a-b]b",
    "\\*",
    "\\a",
]


def test_gits_own_decisions_are_reproduced(tmp_path: Path) -> None:
    choose = random.Random(1)
    paths = ["/".join(names) for n in (1, 2, 3, 4) for names in itertools.product(NAMES, repeat=n)]
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for _ in range(120):
        lines = [_line(choose) for _ in range(choose.randint(1, 4))]
        sample = choose.sample(paths, 150)
        (tmp_path / ".gitignore").write_text("\n".join(lines) + "\n")
        patterns = PathPatterns(lines)
        assert {path for path in sample if patterns.matches(path)} == _ignored(tmp_path, sample), lines


def _line(choose: random.Random) -> str:
    body = "/".join(choose.choice(PARTS) for _ in range(choose.randint(1, 3)))
    return choose.choice(["", "/", "!", ""]) + body + choose.choice(["", "/", ""])


def _ignored(folder: Path, paths: list[str]) -> set[str]:
    done = subprocess.run(
        ["git", "-C", str(folder), "check-ignore", "--no-index", "--stdin"],
        input="\n".join(paths),
        capture_output=True,
        text=True,
        check=False,
    )
    return set(done.stdout.split("\n")) - {""}


@pytest.mark.parametrize(
    ("lines", "path", "expected"),
    [
        ([], "a.py", False),
        (["# a.py", "", "   "], "a.py", False),
        ([r"\#a"], "#a", True),
        ([r"\!a"], "!a", True),
        (["a.py  "], "a.py", True),
        (["a.py\\ "], "a.py ", True),
        (["build/"], "build", False),
        (["build/"], "src/build/x.o", True),
        (["/build"], "src/build", False),
        (["*.log", "!keep.log"], "logs/keep.log", False),
        (["logs/", "!logs/keep.log"], "logs/keep.log", True),
        (["a+b.c"], "a+b.c", True),
        (["a+b.c"], "aab.c", False),
    ],
)
def test_the_corners_of_the_syntax(lines: list[str], path: str, expected: bool) -> None:
    assert PathPatterns(lines).matches(path) is expected


@pytest.mark.parametrize(
    ("pattern", "folder", "path", "expected"),
    [
        ("*.pb.go", "", "api/v1/x.pb.go", True),
        ("*.pb.go", "api", "api/v1/x.pb.go", True),
        ("*.pb.go", "api", "other/x.pb.go", False),
        ("gen/**", "", "gen/a/b.c", True),
        ("gen/", "", "gen/a.c", False),  # an attribute does not reach into a folder
        ("/a.c", "lib", "lib/a.c", True),
        ("/a.c", "lib", "lib/x/a.c", False),
    ],
)
def test_attributes_hold_below_their_file(pattern: str, folder: str, path: str, expected: bool) -> None:
    assert bool(attribute_regex(pattern, folder).fullmatch(path)) is expected
