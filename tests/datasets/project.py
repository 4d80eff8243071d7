"""A small repository with a past and a future, all of it random words, so that nothing repeats by chance.

day   0 .. 180   20 commits: three folders of Python and C, a page of prose
day 186          the cut: a function of src/basket.py that an older commit had added is removed
day 190 .. 290   held out: new code, copies of old code, and what cannot be an item
"""

from __future__ import annotations

import random
import subprocess
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from inhouse.config import Settings
from inhouse.datasets.build import write_dataset
from inhouse.datasets.split import choose_split
from inhouse.hygiene.corpus import write_corpus
from inhouse.progress import Progress
from inhouse.sources.git import Repository
from inhouse.sources.history import write_history

if TYPE_CHECKING:
    from pathlib import Path

    from inhouse.models.tokenizer import Tokenizer

DAY = 86_400
START = 1_704_110_400  # 1 January 2024

_SYLLABLES = (
    "ba",
    "co",
    "di",
    "fu",
    "ge",
    "ha",
    "jo",
    "ki",
    "lu",
    "mo",
    "ne",
    "pa",
    "ro",
    "su",
    "ta",
    "ve",
    "wi",
    "xo",
    "zy",
)


@dataclass
class Words:
    """Python and C functions of random words; the same seed gives the same."""

    seed: int
    rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)

    def word(self) -> str:
        return "".join(self.rng.choice(_SYLLABLES) for _ in range(3))

    def sentence(self) -> str:
        return f"{self.word().capitalize()} the {self.word()} of a {self.word()} {self.word()}."

    def statement(self) -> str:
        return f"{self.word()} = {self.word()}.{self.word()}({self.word()}, {self.rng.randrange(10**6)})"

    def python(self, lines: int = 6) -> str:
        body = "".join(f"    {self.statement()}\n" for _ in range(lines))
        head = f'def {self.word()}({self.word()}):\n    """{self.sentence()}"""\n'
        return f"{head}{body}    return {self.word()}\n\n\n"

    def c(self, lines: int = 6) -> str:
        body = "".join(f"  {self.statement()};\n" for _ in range(lines)).replace(".", "->")
        return f"/* {self.sentence()} */\nint {self.word()}(int {self.word()})\n{{\n{body}  return 0;\n}}\n\n"


class Stream:
    """Commits for `git fast-import`: the whole history in one process."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self._parts: list[bytes] = []
        self._commits = 0

    def commit(self, day: int, message: str, **files: str) -> None:
        """Commit files, named with `__` for a slash and `_dot_` for the dot."""
        self._commits += 1
        stamp = b"committer Ada <ada@example.com> %d +0000\n" % (START + day * DAY)
        self._parts.append(b"commit refs/heads/main\n" + stamp + _data(message))
        for name, content in files.items():
            path = name.replace("__", "/").replace("_dot_", ".")
            self.files[path] = content
            self._parts.append(b"M 100644 inline %s\n" % path.encode() + _data(content))

    def write(self, folder: Path) -> Path:
        """Make the bare repository."""
        git = ["git", "-C", str(folder)]
        folder.mkdir(parents=True)
        subprocess.run([*git, "init", "-q", "--bare", "-b", "main"], check=True)
        subprocess.run([*git, "fast-import", "--quiet"], input=b"".join(self._parts), check=True)
        return folder


@dataclass
class Project:
    """The repository, and what the tests look for in it."""

    path: Path
    copied: str  # stands in the training tree and is added again after the cut
    revived: str  # stood in an older version only, and is added again after the cut
    recent: str  # was added between training and cut, and again after the cut
    future: list[str]  # functions that were never seen before the cut


def make_project(folder: Path) -> Project:
    """Write the repository described above."""
    words = Words(1)
    stream = Stream()
    basket = [words.python() for _ in range(3)]
    ledger = [words.c() for _ in range(3)]
    checks = [words.python(4) for _ in range(2)]
    readme = f"# Shop\n\n{words.sentence()}\n"
    stream.commit(0, "Begin", README_dot_md=readme, src__basket_dot_py="".join(basket))
    revived = ""
    for number in range(1, 20):
        part, name = [
            (basket, "src__basket_dot_py"),
            (ledger, "lib__ledger_dot_c"),
            (checks, "tests__test_basket_dot_py"),
        ][number % 3]
        if number == 12:
            revived = part.pop(4)
        part.append(words.c() if part is ledger else words.python())
        message = f"Add {words.word()} to the {words.word()}\n\n{words.sentence()}"
        stream.commit(9 * number, message, **{name: "".join(part)})
    recent = words.python()
    basket.append(recent)
    stream.commit(186, "Add the last before the cut", src__basket_dot_py="".join(basket))
    copies = {"copied": basket[1], "revived": revived, "recent": recent}
    for number, (name, function) in enumerate(copies.items()):
        stream.commit(
            284 + number, "Copy", **{f"src__{name}_dot_py": f'"""{words.word()}"""\n\n\n{function}'}
        )
    stream.commit(287, "Describe it", src__notes_dot_py=f"# {words.sentence()}\n# {words.sentence()}\n" * 2)
    future = _add_future(stream, words, basket, ledger)
    return Project(stream.write(folder), *copies.values(), future)


def _add_future(stream: Stream, words: Words, basket: list[str], ledger: list[str]) -> list[str]:
    future = []
    for number in range(12):
        part = ledger if number % 3 else basket
        future.append(words.c() if part is ledger else words.python())
        part.append(future[-1])
        name = "lib__ledger_dot_c" if part is ledger else "src__basket_dot_py"
        stream.commit(
            290 + number, f"Extend {words.word()}\n\nSigned-off-by: Ada <ada@b.c>", **{name: "".join(part)}
        )
    large = [words.python() for _ in range(9)]
    stream.commit(310, "Add a module", src__large_dot_py="".join(large))
    return future + large


def make_settings(budget: str = "smoke", **sections: dict[str, int]) -> Settings:
    """Return settings under which the project has a validation period."""
    return Settings.model_validate({"budget": budget, "split": {"min_items": 10}, **sections})


def prepare(project: Path, settings: Settings, folder: Path) -> tuple[Path, Path]:
    """Run the stages before the dataset; return the folders of the history and the corpus."""
    history, corpus = folder / "history", folder / "corpus"
    history.mkdir(parents=True)
    corpus.mkdir()
    repository = Repository.open(project)
    choose = partial(choose_split, settings=settings.split, tags=repository.tags())
    write_history(repository, settings.sources, choose, history, Progress.silent())
    write_corpus(
        Repository.open,
        project,
        history,
        settings.hygiene,
        settings.sources,
        "shop",
        corpus,
        1,
        Progress.silent(),
    )
    return history, corpus


def make_dataset(prepared: tuple[Path, Path], tokenizer: Tokenizer, settings: Settings, folder: Path) -> Path:
    """Run the dataset stage into a folder and return it."""
    folder.mkdir(parents=True)
    write_dataset(*prepared, tokenizer, "shop", settings, folder, Progress.silent())
    return folder


def _data(text: str) -> bytes:
    raw = text.encode()
    return b"data %d\n%s\n" % (len(raw), raw)
