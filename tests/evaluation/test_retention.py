"""General code: the standard library, sampled by digest, without what the repository has itself."""

from __future__ import annotations

import ast
import textwrap
from itertools import islice
from pathlib import Path

import pytest

from inhouse.digests import digest_text
from inhouse.evaluation.retention import (
    check_retention,
    repository_copies,
    score_general,
    standard_library_items,
)
from inhouse.records import Example
from inhouse.shards import write_records


@pytest.fixture
def library(tmp_path):
    body = "".join(f"    total += {number}\n" for number in range(14))
    texts = {
        "json/decoder.py": f"def first(a):\n{body}\n\ndef short():\n    pass\n",
        "json/tool.py": f"class A:\n    async def second(self):\n{body}".replace("total", "    count"),
        "json/tests/test_it.py": f"def test(a):\n{body}",
        "site-packages/other/it.py": f"def other(a):\n{body}",
        "test/support.py": f"def support(a):\n{body}",
        "json/scanner.py": f"def first(b):\n{body}",
        "shutil.py": "def short():\n    pass\n",
        "argparse.py": "this is no Python\n",
    }
    for path, text in texts.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    return tmp_path


def test_only_long_functions_of_the_library_proper_are_taken(library):
    items = {item.path: item for item in standard_library_items(0, library)}
    alike = {"json/decoder.py", "json/scanner.py"} & set(items)
    assert len(alike) == 1  # one stands for both
    assert sorted(items) == sorted([*alike, "json/tool.py"])
    item = items[alike.pop()]
    assert item.prefix.endswith(":\n" + "".join(f"    total += {n}\n" for n in range(5)))
    assert item.target == "".join(f"    total += {n}\n" for n in range(5, 14))
    assert items["json/tool.py"].prefix.startswith("    async def second(self):\n        count += 0\n")
    assert items["json/tool.py"].commit == "json/tool.py"


def test_the_running_library_gives_many_modules_in_an_order_by_digest():
    items = list(islice(standard_library_items(0), 30))
    assert items[:5] == list(islice(standard_library_items(0), 5))
    assert [item.path for item in items[:5]] != [item.path for item in islice(standard_library_items(1), 5)]
    assert [item.path for item in items] == sorted(
        (item.path for item in items), key=lambda path: digest_text(f"0 {path}")
    )
    assert len({item.commit for item in items}) == 30
    for item in items:
        assert item.prefix.count("\n") == 6
        assert 8 <= item.target.count("\n") <= 14
        assert not {"site-packages", "test", "tests", "idlelib"} & set(item.path.split("/"))
    whole = [item for item in items if item.target.count("\n") < 14]  # functions that were not cut
    assert whole
    assert all(_parses(item.prefix + item.target) for item in whole)


def _parses(text):
    try:
        ast.parse(textwrap.dedent(text))
    except SyntaxError:
        return False
    return True


def test_base_and_tuned_are_compared_on_the_same_functions(bench):
    found = check_retention(bench, lambda _: False, 10_000)
    arms = [request.adapter for request in bench.engine.scored]
    assert arms == ["", "tuned"] * (len(arms) // 2)
    assert found.tokens == sum(len(request.context + request.target) for request in bench.engine.scored)
    assert 8_000 < found.tokens <= 10_000
    assert found.difference.n == found.difference.commits == len(arms) // 2
    assert found.difference.value == pytest.approx(found.tuned.value - found.base.value)
    assert bench.tokenizer.decode(bench.engine.scored[0].context).startswith("cpython\n")
    assert found.excluded == 0


def test_functions_that_the_repository_has_itself_are_left_out_and_counted(bench, tmp_path):
    first, second, third = islice(standard_library_items(0), 3)
    dataset = tmp_path / "dataset"
    dataset.mkdir()
    texts = [("train", f"import os\n\n{first.target}\nmore = 1\n"), ("validation", second.target)]
    examples = [Example(str(n), "continuation", split, text, (), (), (), 1.0)
                for n, (split, text) in enumerate(texts)]  # fmt: skip
    write_records(dataset / "examples.parquet", examples, Example)
    is_copy = repository_copies(dataset)
    assert [is_copy(item.target) for item in (first, second, third)] == [True, False, False]
    found = check_retention(bench, is_copy, 5_000)
    assert found.excluded == 1
    targets = {bench.tokenizer.decode(request.target).strip() for request in bench.engine.scored}
    assert first.target.strip() not in targets
    assert second.target.strip() in targets


def test_without_tokens_nothing_is_claimed(bench):
    found = check_retention(bench, lambda _: False, 10)
    assert (found.difference.n, found.tokens) == (0, 0)


def test_further_rounds_give_other_functions_of_the_same_modules() -> None:
    part = Path(ast.__file__).parent / "asyncio"
    once = list(standard_library_items(0, part))
    more = list(standard_library_items(0, part, rounds=3))
    assert more[: len(once)] == once
    assert {item.path for item in more} >= {item.path for item in once}
    assert len({item.id for item in more}) == len(more) > 1.5 * len(once)


def test_general_code_ends_with_the_item_that_fills_the_tokens_and_a_kill_costs_one_shard(bench) -> None:
    found = score_general(bench, lambda span: "import" in span, 2_000)
    base = [score for score in found if score.arm == "base"]
    tokens = [score.tokens for score in base]
    assert sum(tokens) >= 2_000 > sum(tokens[:-1])
    assert [score.item for score in found if score.arm == "tuned"] == [score.item for score in base]
    sorted(bench.folder.glob("retention-*"))[-1].unlink()
    assert repr(score_general(bench, lambda span: "import" in span, 2_000)) == repr(found)
