"""A checkout with an index of its newest commit, as `inhouse index` leaves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from inhouse.digests import digest_text
from inhouse.retrieval.index import Index
from tests.gitrepo import GitRepo

if TYPE_CHECKING:
    from pathlib import Path

SHOP = '''\
"""A shop."""

from app.money import add


class Cart:
    """What a customer wants to buy."""

    def total(self, prices):
        """Return what all of it costs."""
        result = 0
        for price in prices:
            result = add(result, price)
        return result


def checkout(cart, prices):
    return cart.total(prices)
'''
MONEY = '''\
def add(first, second):
    """Return the sum of two amounts in cents."""
    return first + second
'''


@dataclass
class Project:
    repo: GitRepo
    commits: list[str]

    @property
    def place(self) -> Path:
        return self.repo.path / ".inhouse" / "index" / "tip.db"

    def index(self) -> None:
        """Bring the index to the files of the checkout."""
        self.place.parent.mkdir(parents=True, exist_ok=True)
        index = Index.open(self.place)
        names = self.repo.git("ls-files", "-z").decode().split("\0")[:-1]
        texts = [(name, (self.repo.path / name).read_text()) for name in names]
        index.update([(name, digest_text(text), text) for name, text in texts])
        index.store.set("commit", self.repo.tip)
        index.close()

    def delete_index(self) -> None:
        for file in self.place.parent.iterdir():
            file.unlink()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    repo = GitRepo(tmp_path / "shop")
    repo.write(".gitignore", ".inhouse\n")
    repo.write("app/money.py", MONEY.replace("cents", "euros"))
    repo.write("app/shop.py", SHOP)
    commits = [repo.commit("Open the shop")]
    repo.write("app/money.py", MONEY)
    commits.append(repo.commit("Count in cents: euros lose some"))
    made = Project(repo, commits)
    made.index()
    return made
