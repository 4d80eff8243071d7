"""A tree of any size, made of real files: copies whose rarer words are other words.

python benchmarks/big_tree.py TARGET LINES FOLDER [FOLDER ...]

Words that occur in more than one file of fifty stay (keywords, `self`, `the`), and so do those that grammars
need; the letters of all others are moved along the alphabet, by another distance in each copy. So words are
as common and as rare as in real code, and definitions and their uses still agree.
"""

from __future__ import annotations

import argparse
import keyword
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase

WORD = re.compile(r"[A-Za-z]{4,}")
COMMON = 1 / 50  # of the files
MOST_BYTES = 1_000_000
GRAMMAR = frozenset(keyword.kwlist) | frozenset(
    re.findall(
        r"\w+",
        """switch case default while continue break goto typedef struct union enum static extern
        const volatile register unsigned signed void float double short long char sizeof inline
        define undef ifdef ifndef endif include elif else error pragma function return class extends
        export import from async await yield typeof instanceof delete throw throws catch finally
        package interface implements public private protected abstract final synchronized native
        super this null true false boolean byte func chan defer range select type map""",
    )
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", type=Path)
    parser.add_argument("lines", type=int)
    parser.add_argument("folders", nargs="+", type=Path)
    given = parser.parse_args()
    print(write(given.target, given.lines, given.folders), "lines")


def write(target: Path, lines: int, folders: list[Path]) -> int:
    """Write at least so many lines under a folder and return how many there are."""
    sources = [(path, text) for folder in folders for path, text in read(folder)]
    common = common_words(text for _, text in sources)
    written = copy = 0
    while written < lines:
        for path, text in sources:
            file = target / f"copy{copy}" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(moved(text, copy, common), encoding="utf-8", newline="")
            written += text.count("\n")
            if written >= lines:
                break
        copy += 1
    return written


def read(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield (path, text) of the text files of a folder, by path."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and ".git" not in path.parts and path.stat().st_size <= MOST_BYTES:
            source = path.read_bytes()
            if b"\0" not in source:
                yield (
                    f"{folder.name}/{path.relative_to(folder).as_posix()}",
                    source.decode("utf-8", "replace"),
                )


def common_words(texts: Iterable[str]) -> frozenset[str]:
    counted: Counter[str] = Counter()
    number = 0
    for number, text in enumerate(texts, 1):  # noqa: B007 - it is the number of texts afterwards
        counted.update({word.lower() for word in WORD.findall(text)})
    return frozenset(word for word, count in counted.items() if count > COMMON * number) | GRAMMAR


def moved(text: str, distance: int, common: frozenset[str]) -> str:
    """Return a text with the letters of its rarer words moved along the alphabet; 0 leaves it as it is."""
    by = distance % 26
    if not by:
        return text
    table = str.maketrans(
        ascii_lowercase + ascii_uppercase,
        ascii_lowercase[by:] + ascii_lowercase[:by] + ascii_uppercase[by:] + ascii_uppercase[:by],
    )
    return WORD.sub(lambda found: found[0] if found[0].lower() in common else found[0].translate(table), text)


if __name__ == "__main__":
    main()
