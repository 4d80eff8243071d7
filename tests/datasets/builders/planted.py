"""A repository with one commit of every sort that a builder looks for, and a future that nobody may see."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.datasets.project import Words
from tests.gitrepo import GitRepo

UTIL = '''\
"""Small helpers of the shop."""

import os


def cents(amount):
    """Return an amount of money in cents."""
    whole = round(amount * 100)
    return int(whole)


def print_label(printer, text):
    """Send a label to a printer of the warehouse."""
    command = f"lpr -P {printer} {text}"
    os.system(command)
    return command
'''
CART = '''\
"""The cart."""

from shop.util import cents


class Cart:
    """Holds what a customer wants to buy."""

    def __init__(self):
        self.items = []

    def total_price(self, tax):
        """Return what the customer pays, with the tax, in cents."""
        price = 0
        for item in self.items:
            price += item.price
        return cents(price * (1 + tax))
'''
TESTS = """\
from shop.cart import Cart
from shop.util import cents


def test_cents_of_a_fraction():
    assert cents(1.005) in (100, 101)


def test_total_price_of_nothing():
    cart = Cart()
    assert cart.total_price(0.2) == 0
"""
GUIDE = """\
# Guide

## Limits of the shop

| Setting | Default | Unit |
|---|---|---|
| timeout | 30 | seconds |
| retries | 3 | attempts |
| carts | 12 | carts |
| labels | 80 | letters |

## Opening hours

The warehouse of the shop is open from six in the morning until ten at night on working days.

## Rotation of keys

Signing keys of the checkout are rotated every ninety days by the night shift alone.
"""
SHIPPING_BUG = "    weight_price = parcel.weight * parcel.weight * rate_per_kilo\n"
SHIPPING_FIX = "    weight_price = parcel.weight * rate_per_kilo\n"
SHIPPING = f'''\


def shipping(parcel, rate_per_kilo):
    """Return the price of sending a parcel."""
{SHIPPING_BUG}    return weight_price
'''
LOYALTY = '''\


def loyalty_points(customer, everybody):
    """Return the points of a customer."""
    return sum(order.total for other in everybody for order in other.orders if other is customer)
'''
INSECURE = "os.system(command)"


@dataclass
class Planted:
    """The repository, and the commits by what they are."""

    path: Path
    commits: dict[str, str]
    mainline: list[str]  # oldest first
    future: list[str]  # lines that were first written after the training cut


def make_planted(folder: Path) -> Planted:
    """Write the repository described above; commits are a day apart, the future a year later."""
    repo = GitRepo(folder)
    words = Words(5)
    done: dict[str, str] = {}
    files = {"shop/util.py": UTIL, "shop/cart.py": CART, "tests/test_cart.py": TESTS, "docs/guide.md": GUIDE}
    for path, text in files.items():
        repo.write(path, text)
    repo.write("shop/__init__.py", '"""The shop."""\n')
    done["begin"] = repo.commit("Open the shop with a cart")

    def change(name: str, path: str, old: str, new: str, message: str) -> None:
        text = (folder / path).read_text()
        assert old in text
        repo.write(path, text.replace(old, new))
        done[name] = repo.commit(message)

    change(
        "shipping",
        "shop/util.py",
        "\n\ndef print_label",
        f"{SHIPPING}\n\ndef print_label",
        "Add shipping prices to the helpers",
    )
    change(
        "loyalty",
        "shop/cart.py",
        "(price * (1 + tax))\n",
        f"(price * (1 + tax))\n{LOYALTY}",
        "Count the loyalty points of customers",
    )
    change(
        "fix",
        "shop/util.py",
        SHIPPING_BUG,
        SHIPPING_FIX,
        "Fix the shipping price of heavy parcels\n\n"
        "The weight was counted twice, so that heavy parcels became far too dear.",
    )
    change(
        "revert",
        "shop/cart.py",
        LOYALTY,
        "",
        f'Revert "Count the loyalty points of customers"\n\nThis reverts commit {done["loyalty"]}.\n\n'
        "It looked at every customer for each point and slowed the checkout down.",
    )
    change(
        "task",
        "shop/cart.py",
        "        price = 0\n",
        "        price = self.discount\n",
        "Give carts a discount of their own",
    )
    change(
        "ticket",
        "shop/util.py",
        "    whole = round(amount * 100)\n",
        "    whole = round(amount * 100 + 1e-6)\n",
        "Round totals up at the last cent\n\nHalf a cent was lost in every other total.\n\nFixes #12",
    )
    change(
        "refactor",
        "shop/cart.py",
        "        for item in self.items:\n            price += item.price\n",
        "        price += sum(item.price for item in self.items)\n",
        "Simplify the total of a cart\n\n"
        "A sum says in one line what the loop said in two, and nothing else changes.",
    )
    change(
        "bump",
        "shop/__init__.py",
        '"""The shop."""\n',
        '"""The shop."""\n\nVERSION = "1.1"\n',
        "Bump version to 1.1",
    )
    repo.switch("vat", "HEAD")
    change("vat-1", "shop/cart.py", '"""The cart."""\n', '"""The cart, with value added tax."""\n', "wip")
    change(
        "vat-2",
        "shop/cart.py",
        "    def total_price(self, tax):\n",
        "    def total_price(self, tax=0.19):\n",
        "more",
    )
    repo.switch("main")
    done["merge"] = repo.merge(
        "vat", message="Merge pull request #7 from ada/vat\n\nAdd value added tax as the default of carts"
    )
    padding = [words.python() for _ in range(12)]
    for number in range(12):
        repo.write("shop/more.py", "".join(padding[: number + 1]))
        repo.commit(f"Add {words.word()} to the {words.word()}")
    future: list[str] = []
    later = [words.python() for _ in range(8)]
    for number, function in enumerate(later):
        repo.write("shop/future.py", "".join(later[: number + 1]))
        date = repo.date + 400 * 86_400 if number == 0 else None
        repo.commit(f"Extend {words.word()} with {words.word()}\n\nFixes #{100 + number}", date=date)
        future += [line.strip() for line in function.split("\n") if len(line.strip()) >= 24]
    mainline = repo.git("rev-list", "--first-parent", "--reverse", "HEAD").decode().split()
    return Planted(folder, done, mainline, future)
