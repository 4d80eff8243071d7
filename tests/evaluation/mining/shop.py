"""A small repository with a past and a future, of which it is known what can be mined and what cannot."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from inhouse.config import Execution, Settings, SplitSettings
from inhouse.datasets.split import choose_split
from inhouse.errors import UserMistake
from inhouse.hygiene.corpus import write_corpus
from inhouse.progress import Progress
from inhouse.sandbox import Sandbox
from inhouse.sources.git import Repository
from inhouse.sources.history import write_history
from tests.gitrepo import DAY, FIRST_DATE, GitRepo

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Shop", "open_sandbox", "prepare", "shop"]

PRICES_BEFORE = '''\
"""Prices."""


def net(price: float, tax: float) -> float:
    """Return the price without tax."""
    return price / (1 + tax)


def discounted(price: int, percent: int) -> int:
    """Return the price after a discount."""
    reduced = price * percent // 100
    return reduced
'''
PRICES_FIXED = PRICES_BEFORE.replace(
    "    reduced = price * percent // 100\n    return reduced\n",
    "    reduced = price * (100 - percent) // 100\n    return max(reduced, 0)\n",
)
BASKET = '''\
"""Baskets."""


class Basket:
    """What somebody buys."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, int, int]] = []

    def add(self, name: str, count: int, price: int) -> None:
        """Put something in."""
        if count <= 0:
            raise ValueError(name)
        self.lines.append((name, count, price))

    def total(self) -> int:
        """Return what all of it costs."""
        found = 0
        for _, count, price in self.lines:
            found += count * price
        return found


def banner(name: str) -> str:
    """Return a headline."""
    line = "=" * len(name)
    return f"{line}\\n{name}\\n{line}"


def secret_handshake(name: str) -> str:
    """Return what nobody tests, with an effect."""
    print("hello", name)
    return name.upper() + "!"


def squeeze(text: str, width: int = 3) -> str:
    """Return the words of a text, each cut to a width.

    >>> squeeze("some words here", 2)
    'so wo he'
    """
    return " ".join(word[: abs(width)] for word in text.split())


def shelf_of(name: str, shelves: int = 7) -> int:
    """Return a shelf that is another one in each process."""
    return hash(name) % max(1, abs(shelves))
'''
TEST_BASKET = """\
import pytest

from shop.basket import Basket, banner


def test_total_counts_every_line():
    basket = Basket()
    basket.add("tea", 2, 5)
    basket.add("milk", 1, 3)
    assert basket.total() == 13


def test_nothing_costs_nothing():
    assert Basket().total() == 0


def test_nobody_buys_less_than_one():
    with pytest.raises(ValueError):
        Basket().add("tea", 0, 5)


def test_banner_can_be_called():
    banner("offers")
"""
TEST_PRICES = """\
from shop.prices import discounted, net


def test_net():
    assert net(119, 0.19) == 100


def test_half_price():
    assert discounted(80, 50) == 40
"""
TEST_PRICES_FIXED = (
    TEST_PRICES
    + """

def test_a_tenth_off():
    assert discounted(80, 10) == 72


def test_never_negative():
    assert discounted(80, 120) == 0
"""
)


@dataclass(frozen=True)
class Shop:
    """The repository with its first two artefacts."""

    repository: Repository
    history: Path
    corpus: Path
    commits: dict[str, str]


def shop(folder: Path) -> tuple[GitRepo, dict[str, str]]:
    """Make the repository."""
    repo = GitRepo(folder)
    repo.write("src/shop/__init__.py", "")
    repo.write("src/shop/prices.py", PRICES_BEFORE)
    repo.write("tests/test_prices.py", TEST_PRICES)
    commits = {"first": repo.commit("Begin")}
    repo.write("README.md", "A shop.\n")
    commits["cut"] = repo.commit("Say what it is")
    repo.date = FIRST_DATE + 90 * DAY
    repo.write("src/shop/prices.py", PRICES_FIXED)
    repo.write("tests/test_prices.py", TEST_PRICES_FIXED)
    commits["fix"] = repo.commit("Take the discount off, not the rest")
    repo.write("src/shop/basket.py", BASKET)
    repo.write("tests/test_basket.py", TEST_BASKET)
    commits["basket"] = repo.commit("Add baskets")
    repo.write("README.md", "A shop with baskets.\n")
    commits["words"] = repo.commit("Say more")
    return repo, commits


def prepare(repo: GitRepo, folder: Path, commits: dict[str, str] | None = None) -> Shop:
    """Run the first two stages."""
    repository = Repository.open(repo.path)
    settings = Settings(split=SplitSettings(months=1, min_items=1))
    history, corpus = folder / "history", folder / "corpus"
    history.mkdir(parents=True)
    corpus.mkdir()
    choose = partial(choose_split, settings=settings.split)
    write_history(repository, settings.sources, choose, history, Progress.silent())
    write_corpus(
        Repository.open, repository.path, history, settings.hygiene, settings.sources, "shop", corpus, 1,
        Progress.silent(),
    )  # fmt: skip
    return Shop(repository, history, corpus, commits or {})


def open_sandbox() -> Sandbox:
    """Return this machine's sandbox; where it has none, the code of this file runs without one."""
    try:
        return Sandbox.open()
    except UserMistake:
        return Sandbox.open(unsafe_local=True)


def settings(**execution: object) -> Settings:
    """Return settings of a small run."""
    return Settings(budget="smoke", execution=Execution(timeout=20, **execution))  # type: ignore[arg-type]
