"""Only what an answer brings in counts, whatever stood in the file before and wherever its lines moved."""

from __future__ import annotations

import pytest

from inhouse.evaluation.placed import Placed
from inhouse.evaluation.static_checks import KINDS, Case, Checked, check
from inhouse.evaluation.static_checks.check import available
from inhouse.sandbox import Sandbox

TREE = {
    "pyproject.toml": (
        "[tool.ruff]\nline-length = 60\n[tool.ruff.lint]\nselect = ['F', 'E']\n"
        "[tool.mypy]\ndisallow_untyped_defs = true\nplugins = ['hostile.py']\n"
    ),
    "hostile.py": (
        "from pathlib import Path\nfrom mypy.plugin import Plugin\n"
        "try:\n    Path('{marker}').write_text('out')\nexcept OSError:\n    pass\n"
        "def plugin(version):\n    return Plugin\n"
    ),
    "shop/__init__.py": "",
    "shop/cart.py": "def total(count: int) -> int:\n    return count\n",
    "lib/shop.h": "int shop_total(int count);\n",
    "lib/errno.h": "#error not the one of the system\n",
}
BEFORE = 'import json\nfrom .cart import total\n\nlonely: int = "one"\n\n\ndef work(count: int) -> int:\n'
AFTER = '\n\ndef other():\n    unused = 1\n    return eval("1")\n'
ANSWERS = {
    "good": "    return total(count)\n",
    "long": "    one = total(count)\n    two = total(one)\n    three = total(two)\n    return three\n",
    "lint": "    left_over = 1\n    return total(count)\n",
    "wide": f"    return total(count) + {'1' * 40}\n",
    "types": '    return total("three")\n',
    "untyped": "    def inner(x):\n        return x\n\n    return total(inner(count))\n",
    "unsafe": "    return int(eval(str(count)))\n",
    "layout": "    return total( count )\n",
    "broken": "    return total((count\n",
    "empty": "    ...\n",
}


def placed(answer: str) -> Placed:
    text = BEFORE + answer + AFTER
    return Placed("python", "shop/work.py", text, len(BEFORE), len(BEFORE) + len(answer))


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Checked]:
    marker = tmp_path_factory.mktemp("outside") / "marker"
    tree = TREE | {"hostile.py": TREE["hostile.py"].format(marker=marker)}
    cases = [
        Case(placed(answer), placed("    pass\n"), placed("    return total(count)\n"))
        for answer in ANSWERS.values()
    ]
    found = check(Sandbox.open, tree, cases)
    assert not marker.exists()  # the repository's plugin ran in the sandbox
    return dict(zip(ANSWERS, found, strict=True))


def codes(found: Checked) -> list[tuple[str, str]]:
    return [(kind, one.code) for kind in KINDS for one in found.introduced.get(kind, ())]


@pytest.mark.parametrize("name", ["good", "long"])
def test_what_stood_there_before_does_not_count_wherever_it_moved(
    checked: dict[str, Checked], name: str
) -> None:
    assert codes(checked[name]) == []
    assert set(checked[name].introduced) == {"syntax", "format", "lint", "types", "security"}
    assert checked[name].reasons == {}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lint", [("lint", "F841")]),
        ("wide", [("lint", "E501")]),  # by the repository's own limit
        ("types", [("types", "arg-type")]),
        ("untyped", [("types", "no-untyped-def")]),  # by the repository's own settings
        ("unsafe", [("security", "B307")]),
        ("layout", [("format", "ruff")]),
        ("broken", [("syntax", "invalid-syntax")]),
    ],
)
def test_each_kind_of_fault_is_found_once(
    checked: dict[str, Checked], name: str, expected: list[tuple[str, str]]
) -> None:
    found = codes(checked[name])
    assert [one for one in found if one[0] == expected[0][0]] == expected
    assert {kind for kind, _ in found} <= {expected[0][0], "format"}


def test_a_file_that_does_not_parse_is_checked_for_nothing_else(checked: dict[str, Checked]) -> None:
    assert set(checked["broken"].introduced) == {"syntax"}
    assert checked["broken"].reasons["types"] == "the file does not parse"


def test_a_tool_that_is_missing_is_named() -> None:
    tools = dict.fromkeys(available(), False)
    case = Case(placed("    return 1\n"), placed("    pass\n"), placed("    return 1\n"))
    (found,) = check(Sandbox.open, TREE, [case], tools=tools)
    assert found.reasons["lint"] == "ruff is not installed"
    assert found.reasons["types"] == "mypy is not installed"
    assert found.reasons["security"] == "bandit is not installed"
    assert set(found.introduced) == {"syntax"}


def test_a_formatter_that_the_repository_does_not_use_says_nothing() -> None:
    reference = placed("    return total( count )\n")
    case = Case(placed("    return total(  count)\n"), placed("    pass\n"), reference)
    (found,) = check(Sandbox.open, TREE, [case], tools={"ruff": True})
    assert found.reasons["format"] == "the repository's own file is not formatted by it"
    assert "format" not in found.introduced


def c_case(answer: str) -> Case:
    before = '#include <errno.h>\n#include <string.h>\n#include <stdio.h>\n#include "shop.h"\n\n'
    before += "int shop_work(char* to, char* from) {\n"
    after = "\nint shop_other(int a) {\n  int unused;\n  return shop_absent(1);\n}\n"  # two warnings

    def place(text: str) -> Placed:
        return Placed("c", "lib/work.c", before + text + after, len(before), len(before) + len(text))

    return Case(place(answer), place("  ;\n}\n"), place("  return shop_total(3);\n}\n"))


def test_c_is_compiled_with_the_headers_of_the_repository_and_judged_by_rules_of_our_own() -> None:
    answers = {
        "  int count = shop_total(3);\n\n  return count;\n}\n": [],
        "  int left_over;\n  return shop_total(3);\n}\n": [("compiler", "-Wunused-variable")],
        "  return shop_total(3, 4);\n}\n": [("compiler", "error")],
        "  strcpy(to, from);\n  return 0;\n}\n": [("security", "strcpy")],
        '  char word[3];\n  return scanf("%s", word);\n}\n': [("security", "scanf")],
        '  snprintf(to, 3, "%d", from[0]);\n  return 0;\n}\n': [],
    }
    found = check(Sandbox.open, TREE, [c_case(answer) for answer in answers], tools={"gcc": True})
    assert [codes(one) for one in found] == list(answers.values())
    assert found[0].reasons["format"] == "clang-format is not installed"
    (format_of,) = check(
        Sandbox.open, TREE, [c_case("  printf(from);\n  return 0;\n}\n")], tools={"gcc": False}
    )
    assert codes(format_of) == [("security", "format")]
    assert format_of.reasons["compiler"] == "gcc is not installed"


def test_a_file_for_another_platform_says_nothing_of_its_answers() -> None:
    before, answer = (
        "#include <windows.h>\nDWORD shop_work(void) {\n",
        "  DWORD count = 3;\n  return count;\n}\n",
    )
    one = Placed("c", "lib/win.c", before + answer, len(before), len(before) + len(answer))
    (found,) = check(Sandbox.open, TREE, [Case(one, one, one)], tools={"gcc": True})
    assert found.reasons["compiler"] == "the repository's own file does not compile here"
    assert "compiler" not in found.introduced


def test_other_languages_are_not_checked() -> None:
    one = Placed("rust", "a.rs", "fn f() {}", 0, 9)
    (found,) = check(Sandbox.open, {}, [Case(one, one, one)])
    assert found.introduced == {} and found.reasons == {}
