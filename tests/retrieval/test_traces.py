"""Every language prints its stack in its own way and order; a frame is a file, a line and a function."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.retrieval.traces import Frame, frames

PYTHON = """\
Traceback (most recent call last):
  File "/usr/lib/python3.11/site-packages/shop/main.py", line 7, in <module>
    run()
  File "shop/cart.py", line 17, in add
    raise ValueError
"""
PYTEST = """\
shop/main.py:7: in run
    add()
shop/cart.py:17: ValueError
"""
JAVA = """\
java.lang.IllegalStateException: empty
\tat com.shop.Cart.add(Cart.java:17)
\tat com.shop.Main$Runner.<init>(Main.java:7)
\tat java.base/java.lang.Thread.run(Thread.java:833)
"""
NODE = """\
TypeError: x is not a function
    at Cart.add (file:///srv/shop/cart.js:17:5)
    at async Object.run [as go] (/srv/shop/main.mjs:7:1)
    at /srv/shop/top.ts:1:2
"""
FIREFOX = "add@https://shop.example/js/cart.js:17:5\n@https://shop.example/js/main.js:7:1\n"
GO = """\
panic: empty

goroutine 1 [running]:
shop/cart.(*Cart).Add(0xc000, {0x1, 0x2})
\t/srv/shop/cart/cart.go:17 +0x1d
main.main()
\t/srv/shop/main.go:7 +0x25
"""
RUST = """\
thread 'main' panicked at src/cart.rs:17:5:
empty
stack backtrace:
   1: shop::cart::Cart::add
             at ./src/cart.rs:17:5
   2: shop::main::h0123456789abcdef
             at ./src/main.rs:7:1
"""
GDB = "#0  0x0000555 in cart_add (cart=0x0) at src/cart.c:17\n#1  main () at src/main.c:7\n"
SANITIZER = """\
==1==ERROR: AddressSanitizer: heap-use-after-free
    #0 0x4f3 in cart_add /srv/shop/src/cart.c:17:5
    #1 0x4f4 in Shop::run(int, char**) /srv/shop/src/main.cc:7:1
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            PYTHON,
            [
                Frame("shop/cart.py", 17, "add"),
                Frame("/usr/lib/python3.11/site-packages/shop/main.py", 7, "module"),
            ],
        ),
        (PYTEST, [Frame("shop/cart.py", 17, ""), Frame("shop/main.py", 7, "run")]),
        (
            JAVA,
            [
                Frame("com/shop/Cart.java", 17, "add"),
                Frame("com/shop/Main.java", 7, "init"),
                Frame("java/lang/Thread.java", 833, "run"),
            ],
        ),
        (
            NODE,
            [
                Frame("/srv/shop/cart.js", 17, "add"),
                Frame("/srv/shop/main.mjs", 7, "run"),
                Frame("/srv/shop/top.ts", 1, ""),
            ],
        ),
        (FIREFOX, [Frame("js/cart.js", 17, "add"), Frame("js/main.js", 7, "")]),
        (GO, [Frame("/srv/shop/cart/cart.go", 17, "Add"), Frame("/srv/shop/main.go", 7, "main")]),
        (
            RUST,
            [
                Frame("src/cart.rs", 17, ""),
                Frame("./src/cart.rs", 17, "add"),
                Frame("./src/main.rs", 7, "main"),
            ],
        ),
        (GDB, [Frame("src/cart.c", 17, "cart_add"), Frame("src/main.c", 7, "main")]),
        (
            SANITIZER,
            [Frame("/srv/shop/src/cart.c", 17, "cart_add"), Frame("/srv/shop/src/main.cc", 7, "run")],
        ),
    ],
    ids=["python", "pytest", "java", "node", "firefox", "go", "rust", "gdb", "sanitizer"],
)
def test_frames_innermost_first(text: str, expected: list[Frame]) -> None:
    assert frames(text) == expected


def test_windows_paths_have_slashes() -> None:
    assert frames('  File "C:\\shop\\cart.py", line 17, in add') == [Frame("C:/shop/cart.py", 17, "add")]


def test_prose_has_no_frames() -> None:
    assert frames("It fails at 17:05 in the shop: see cart.py, line 3, and call me at home (soon)") == []


@given(st.text())
def test_any_text(text: str) -> None:
    assert isinstance(frames(text), list)


@pytest.mark.parametrize("run", ["a/", "#1 0x0 in ", 'File "', "at (", "::", "@", "a.py:1"])
def test_no_pattern_runs_away(run: str) -> None:
    started = time.process_time()
    frames("\n".join([run * 400] * 50))
    assert time.process_time() - started < 2
