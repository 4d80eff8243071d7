"""Turns of the services: no folder that holds nearly everything hides what it is made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from inhouse.datasets.material import Material, TrainingFiles
from tests.datasets.project import Stream, Words, make_settings, prepare


def _order(folder: Path, paths: list[str]) -> list[str]:
    """Return the order of training files of a repository whose files came one by one, the last one newest.

    Another file grows afterwards, so that all of them are older than the validation period.
    """
    words, stream = Words(3), Stream()
    for number, path in enumerate(paths):
        text = "".join(words.python() for _ in range(2))
        stream.commit(number, f"Add {path}", **{path.replace("/", "__").replace(".", "_dot_"): text})
    for number in range(24):
        stream.commit(
            60 + 12 * number, "Extend", later_dot_py="".join(words.python() for _ in range(number + 1))
        )
    material = Material(*prepare(stream.write(folder / "s.git"), make_settings(), folder))
    return [file.path for file in TrainingFiles(material) if file.path in paths]


@pytest.mark.parametrize(
    ("paths", "first"),
    [
        (["api/a.py", "api/b.py", "api/c.py", "shop/d.py"], ["shop/d.py", "api/c.py", "api/b.py"]),
        (
            [
                "packages/api/a.py",
                "packages/shop/b.py",
                *(f"packages/big/{name}.py" for name in "cdefghijkl"),
            ],
            ["packages/big/l.py", "packages/shop/b.py", "packages/api/a.py", "packages/big/k.py"],
        ),
        (
            [
                "src/firm/api/a.py",
                "src/firm/shop/b.py",
                *(f"src/firm/big/{name}.py" for name in "cdefghijkl"),
            ],
            ["src/firm/big/l.py", "src/firm/shop/b.py", "src/firm/api/a.py", "src/firm/big/k.py"],
        ),
    ],
    ids=["top-level folders", "packages", "a folder in a folder"],
)
def test_services_take_turns_where_the_tree_branches(
    paths: list[str], first: list[str], tmp_path: Path
) -> None:
    found = _order(tmp_path, paths)
    assert sorted(found) == sorted(paths)
    assert found[: len(first)] == first
