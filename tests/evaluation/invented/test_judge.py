"""An invented name is found among real ones, and real code invents nothing."""

from __future__ import annotations

import sys

import pytest

from inhouse.evaluation.invented import Report, World, examine, expected_symbols, needed
from inhouse.evaluation.invented.machine import Headers, Members, read_headers, read_members
from inhouse.evaluation.placed import Placed
from inhouse.sandbox import Sandbox

TREE = [
    (
        "src/shop/__init__.py",
        "from .cart import Cart as Cart\nfrom .cart import make_cart\nVERSION = '1'\n",
    ),
    (
        "src/shop/cart.py",
        "import json\nimport absent_library\n\n\nclass Base:\n    def total(self):\n        return 0\n\n\n"
        "class Cart(Base):\n    def __init__(self):\n        self.items_sold = []\n\n"
        "    def add_item(self, item):\n        self.items_sold.append(item)\n\n\n"
        "def make_cart():\n    return Cart()\n",
    ),
    ("src/shop/types.py", "class Price:\n    pass\n"),
    ("tests/test_cart.py", "from shop import Cart\n\n\ndef test_total():\n    assert Cart().total() == 0\n"),
    (
        "lib/shop.h",
        "#include <stdio.h>\n#define SHOP_MAX_ITEMS 3\n"
        "typedef struct shop_cart_s { int n_items; } shop_cart_t;\n"
        "int shop_cart_add(shop_cart_t* cart, int item);\n",
    ),
    (
        "lib/shop.c",
        '#include "shop.h"\n\nint shop_cart_add(shop_cart_t* cart, int item) {\n  return item;\n}\n',
    ),
]


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox.open()


@pytest.fixture(scope="module")
def world() -> World:
    return World.of(TREE)


def place(answer: str, before: str = "", after: str = "", language: str = "python") -> Placed:
    path = {"python": "src/shop/new.py", "c": "lib/new.c"}[language]
    return Placed(language, path, before + answer + after, len(before), len(before) + len(answer))


def judge(world: World, sandbox: Sandbox, *answers: Placed) -> list[Report]:
    wanted = needed(world, answers)
    members = read_members(sandbox, sys.executable, [], wanted.paths, wanted.modules)
    headers = read_headers(sandbox, wanted.includes)
    assert members.complete and headers.complete
    return [examine(world, answer, members, headers) for answer in answers]


HEAD = """\
import os
import json as j
from .cart import Cart, make_cart
from shop import types


def work(cart, text):
"""
REAL = [
    "    return os.path.join(j.dumps(text), str(cart))\n",
    "    made = make_cart()\n    made.add_item(len(text.splitlines()))\n    return made.total()\n",
    "    def inner(x):\n        return x\n    return [inner(y).items_sold for y in cart]\n",
    "    with open(text) as stream:\n        return stream.read(), types.Price()\n",
    "    import collections.abc\n    cart.brand_new_thing = 1\n    return cart.brand_new_thing\n",
    "    from shop.cart import Base\n    return Base().total() or os.environ.get('A')\n",
    "    return sorted(cart, key=lambda it: it.items_sold)[0]  # fetch_all(cart)\n",
    "    try:\n        return work(1, 2)\n"
    "    except (OSError, j.JSONDecodeError) as error:\n        return error.args\n",
]
INVENTED = [
    ("    return frobnicate_cart(text)\n", "frobnicate_cart"),
    ("    return os.path.joinify(text)\n", "os.path.joinify"),
    ("    return j.dumps_pretty(text)\n", "j.dumps_pretty"),
    ("    from shop.cart import sell_all\n    return 1\n", "from shop.cart import sell_all"),
    ("    from shop.checkout import Cart\n    return 1\n", "from shop.checkout import Cart"),
    ("    from .checkout import pay\n    return 1\n", "from .checkout import pay"),
    ("    import quantumcartlib\n    return 1\n", "import quantumcartlib"),
    ("    from os import joinify\n    return 1\n", "from os import joinify"),
    ("    return types.Discount\n", "types.Discount"),
    ("    return cart.frobnicate_items()\n", "cart.frobnicate_items"),
    ("    raise CartIsHauntedError\n", "CartIsHauntedError"),
]


def test_real_code_invents_nothing(world: World, sandbox: Sandbox) -> None:
    found = judge(world, sandbox, *[place(answer, HEAD) for answer in REAL])
    assert [report.invented for report in found] == [()] * len(REAL)
    assert [report.unknown for report in found] == [0] * len(REAL)
    assert all(report.used for report in found)


def test_each_invention_is_found_and_named(world: World, sandbox: Sandbox) -> None:
    answers = [place(f"    made = make_cart()\n    made.total()\n{answer}", HEAD) for answer, _ in INVENTED]
    assert [report.invented for report in judge(world, sandbox, *answers)] == [
        (name,) for _, name in INVENTED
    ]


def test_only_the_answer_is_judged(world: World, sandbox: Sandbox) -> None:
    after = "\n\ndef other():\n    return frobnicate_cart(os.joinify)\n"
    assert judge(world, sandbox, place("    return 1\n", HEAD, after))[0] == Report(0, (), 0)


def test_what_the_file_binds_after_the_answer_is_known(world: World, sandbox: Sandbox) -> None:
    after = "\n\ndef helper_of_mine(a):\n    return a.strange_name\n\n\nLATER = helper_of_mine\n"
    answer = "    return helper_of_mine(cart).strange_name, LATER(1)\n"
    assert judge(world, sandbox, place(answer, HEAD, after))[0].invented == ()


def test_an_attribute_of_self_must_belong_to_the_class(world: World, sandbox: Sandbox) -> None:
    before = "from .cart import Base\n\n\nclass Till(Base):\n    def open(self):\n        self.coins = 3\n\n"
    before += "    def close(self):\n"
    for answer, invented in [
        ("        return self.coins + self.total()\n", ()),
        ("        self.notes = 1\n        return self.notes\n", ()),
        ("        return self.getpass_of_till()\n", ("self.getpass_of_till",)),
        ("        return self.splitlines()\n", ()),  # of a type of the language: believed
        (
            "        return self.getparser()\n",
            ("self.getparser",),
        ),  # of the standard library: not a base of this
    ]:
        assert judge(world, sandbox, place(answer, before))[0].invented == invented


def test_a_base_of_the_same_name_is_another_modules(world: World, sandbox: Sandbox) -> None:
    before = "import textwrap\n\n\nclass TextWrapper(textwrap.TextWrapper):\n    def close(self):\n"
    answer = "        return self.max_lines\n"
    assert judge(world, sandbox, place(answer, before))[0] == Report(1, (), 0)


def test_what_comes_from_an_absent_dependency_cannot_be_told(world: World, sandbox: Sandbox) -> None:
    before = "import absent_library\nfrom absent_library import connect\n\n\ndef work():\n"
    answer = "    session = connect()\n    absent_library.anything()\n    return session.frobnicate()\n"
    assert judge(world, sandbox, place(answer, before))[0] == Report(3, (), 2)


def test_inventions_in_c_are_found_and_named(world: World, sandbox: Sandbox) -> None:
    before = '#include <string.h>\n#include "shop.h"\n\nint shop_work(shop_cart_t* cart) {\n'
    real = """\
  int r;
  r = shop_cart_add(cart, SHOP_MAX_ITEMS);
  if (r < 0 && strlen("a") && EOF)
    return cart->n_items;
  printf("%d", INT_MAX);
  return 0;
}
"""
    planted = [
        ("  return shop_cart_sell(cart);\n}\n", "shop_cart_sell"),
        ("  shop_till_t till;\n  return 0;\n}\n", "shop_till_t"),
        ("  return cart->n_coins;\n}\n", "n_coins"),
        ("  return SHOP_MAX_COINS;\n}\n", "SHOP_MAX_COINS"),
    ]
    answers = [place(real, before, language="c")] + [place(text, before, language="c") for text, _ in planted]
    found = judge(world, sandbox, *answers)
    assert found[0].invented == () and found[0].used >= 6
    assert [report.invented for report in found[1:]] == [(name,) for _, name in planted]


def test_a_header_that_is_not_here_makes_its_names_unknown(world: World, sandbox: Sandbox) -> None:
    answer = place("  return MessageBoxA(0);\n}\n", "#include <windows.h>\nint f(void) {\n", language="c")
    assert judge(world, sandbox, answer)[0] == Report(1, (), 1)


def test_a_header_for_another_platform_excuses_only_code_for_it(world: World, sandbox: Sandbox) -> None:
    before = "#ifdef _WIN32\n#include <windows.h>\n#endif\nint f(void) {\n"
    plain = place("  return MessageBoxA(0);\n}\n", before, language="c")
    guarded = place("#ifdef _WIN32\n  MessageBoxA(0);\n#endif\n  return 0;\n}\n", before, language="c")
    assert judge(world, sandbox, plain, guarded) == [Report(1, ("MessageBoxA",), 0), Report(1, (), 1)]


def test_a_look_up_that_did_not_end_accuses_nobody(world: World) -> None:
    nothing = Members({}, {}, frozenset(), complete=False)
    answer = place("    import quantumcartlib\n    return cart.frobnicate()\n", HEAD)
    assert examine(world, answer, nothing, Headers(frozenset(), (), complete=False)) == Report(2, (), 2)


def test_expected_symbols_are_those_the_repository_defines(world: World) -> None:
    reference = place(
        "    made = make_cart()\n    made.add_item(text.strip())\n    return made.get(1)\n", HEAD
    )
    assert expected_symbols(world, reference) == {"make_cart", "add_item"}
    in_c = place(
        "  return shop_cart_add(cart, SHOP_MAX_ITEMS) + strlen(0);\n}\n", "int f() {\n", language="c"
    )
    assert expected_symbols(world, in_c) == {"shop_cart_add", "SHOP_MAX_ITEMS"}


@pytest.mark.parametrize(
    "answer", ["", "\0", "(" * 500, "->" * 20_000, "def f(:\n  '", "import \nfrom . import"]
)
def test_any_answer_can_be_examined(world: World, answer: str) -> None:
    for language in ("python", "c"):
        report = examine(
            world, place(answer, language=language), Members({}, {}, frozenset()), Headers(frozenset(), ())
        )
        assert len(report.invented) <= report.used
