"""General code for replay: whose it is, under which licence, in which order, and what is never read."""

from __future__ import annotations

import sysconfig
from itertools import islice
from pathlib import Path

import pytest

from inhouse.datasets.general import General, licence_of, own_names
from inhouse.errors import UserMistake

MIT = "MIT License\n\nPermission is hereby granted, free of charge,\nto any person obtaining a copy of this\n"
GPL = "GNU GENERAL PUBLIC LICENSE\nVersion 3\n\nPermission is hereby granted, free of charge, to any person\n"


def _code(name: str) -> str:
    return "".join(
        f"def {name}_{number}(first, second):\n    return first + second\n\n\n" for number in range(12)
    )


def _folder(path: Path, licence: str = MIT) -> Path:
    files = {
        "lib/alpha.py": _code("alpha"),
        "lib/beta.py": _code("beta"),
        "tests/test_alpha.py": _code("test"),
        "vendor/other.py": _code("other"),
        "notes.md": "# Notes\n" * 100,
    }
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    (path / "LICENSE.txt").write_text(licence)
    return path


@pytest.mark.parametrize(
    ("expression", "classifiers", "text", "licence"),
    [
        ("MIT", [], "", "MIT"),
        ("Apache-2.0 OR (MIT AND BSD-3-Clause)", [], "", "Apache-2.0 OR (MIT AND BSD-3-Clause)"),
        ("MIT AND GPL-3.0-only", ["License :: OSI Approved :: MIT License"], "MIT", ""),
        ("Apache-2.0 WITH LLVM-exception", [], "", ""),
        ("", ["License :: OSI Approved", "License :: OSI Approved :: BSD License"], "", "BSD"),
        ("", ["License :: OSI Approved :: MIT License", "License :: Other/Proprietary License"], "MIT", ""),
        ("", ["License :: OSI Approved :: GNU General Public License v3 (GPLv3)"], "MIT", ""),
        ("", ["Programming Language :: Python"], "Apache License 2.0", "Apache-2.0"),
        ("", [], "see LICENSE", ""),
        ("", [], "", ""),
    ],
)
def test_a_package_counts_only_when_every_licence_that_it_names_is_permissive(
    expression: str, classifiers: list[str], text: str, licence: str
) -> None:
    assert licence_of(expression, classifiers, text) == licence


def test_packages_of_this_machine_are_read_without_those_under_other_licences() -> None:
    general = General((), 0)
    names = {file.package for file in islice(general.files(()), 300)}
    assert len(names) > 20
    assert "certifi" not in names  # Mozilla Public License
    assert "inhouse" not in names
    assert general.passed_over["no permissive licence"] >= 1


def test_a_distribution_of_the_source_repository_is_passed_over_by_name_module_or_address() -> None:
    everything = {file.package for file in islice(General((), 0).files(()), 400)}
    assert {"click", "PyYAML", "rich"} <= everything
    assert own_names("pallets/click", ["src/click/core.py", "src/click/__init__.py"]) == {"click"}
    own = {
        *own_names("click", []),
        *own_names("a-fork", ["lib/yaml/__init__.py", "lib/yaml/nodes.py"]),
        *own_names("Textualize/rich", ["README.md"]),
    }
    general = General((), 0)
    left = {file.package for file in islice(general.files(own), 400)}
    assert not {"click", "PyYAML", "rich"} & left
    assert general.passed_over["of the source repository"] >= 3


def test_modules_of_a_repository_are_those_that_it_installs() -> None:
    paths = ["six.py", "setup.py", "src/shop/__init__.py", "src/shop/web/__init__.py", "tests/__init__.py"]
    assert own_names("Some.Shop", paths) == {"some_shop", "six", "shop"}


def test_no_test_no_vendored_code_and_no_standard_library(tmp_path: Path) -> None:
    general = General([_folder(tmp_path / "ours")], 0)
    found = {file.path: file for file in general.files(())}
    assert set(found) == {"lib/alpha.py", "lib/beta.py"}
    assert found["lib/alpha.py"].lineage == ("ours", "MIT", "lib/alpha.py")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "LICENSE").write_text(MIT)
    (tmp_path / "linked" / "ast.py").symlink_to(Path(sysconfig.get_path("stdlib")) / "ast.py")
    assert list(General([tmp_path / "linked"], 0).files(())) == []


def test_files_come_from_packages_in_turn_in_an_order_that_the_seed_decides(tmp_path: Path) -> None:
    folders = [_folder(tmp_path / name) for name in ("one", "two")]
    order = [(file.package, file.path) for file in General(folders, 1).files(())]
    assert [package for package, _ in order] in (["one", "two"] * 2, ["two", "one"] * 2)
    assert order == [(file.package, file.path) for file in General(folders, 1).files(())]
    seeds = {tuple((f.package, f.path) for f in General(folders, seed).files(())) for seed in range(6)}
    assert len(seeds) > 1


def test_the_digest_changes_with_what_may_be_read(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "ours")
    first = General([folder], 0).digest
    assert General([folder], 0).digest == first
    (folder / "tests" / "test_alpha.py").write_text("")  # never read
    assert General([folder], 0).digest == first
    (folder / "lib" / "alpha.py").write_text(_code("gamma"))
    assert General([folder], 0).digest != first


def test_a_folder_without_a_permissive_licence_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserMistake, match="permissive licence"):
        list(General([_folder(tmp_path / "copyleft", GPL)], 0).files(()))
    with pytest.raises(UserMistake, match="is no folder"):
        list(General([tmp_path / "missing"], 0).files(()))


def test_replay_from_the_source_repository_itself_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserMistake, match="not of the repository"):
        list(General([_folder(tmp_path / "shop")], 0).files({"shop"}))
