"""The rules of the house that no linter knows."""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import inhouse
from inhouse import examination, pipeline
from inhouse.digests import digest_text
from inhouse.workspace import Stage

STAGES = (*pipeline.STAGES, *examination.STAGES)
ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "inhouse"
OPTIONAL = {"inspect_ai"}  # what `make setup` does not install
RECORDED = Path(__file__).parent / "stage_sources.json"


def _modules() -> list[str]:
    return sorted(module.name for module in pkgutil.walk_packages([str(PACKAGE)], "inhouse."))


def _source_digest(stage: Stage) -> str:
    """Return the digest of the code that decides a stage's result, comments and docstrings apart."""
    files: list[Path] = []
    for name in stage.sources:
        place = PACKAGE / name.replace(".", "/")
        files += sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    trees = [ast.dump(_without_docstrings(ast.parse(path.read_text(encoding="utf-8")))) for path in files]
    return digest_text("\n".join(trees))


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [
                statement
                for statement in node.body
                if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
            ]
    return tree


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_stage_whose_code_changed_has_a_new_version(stage: Stage) -> None:
    """Old artefacts would pass for new ones. After raising the version: python -m tests.test_architecture."""
    recorded = json.loads(RECORDED.read_text())[stage.name]
    now = {"version": stage.version, "digest": _source_digest(stage)}
    if now["digest"] != recorded["digest"]:
        assert now["version"] > recorded["version"], (
            f"raise the version of the stage {stage.name} in pipeline.py"
        )
        pytest.fail(f"record the new version of {stage.name}: python -m tests.test_architecture")
    assert now == recorded


@pytest.mark.parametrize("name", _modules())
def test_public_names_are_declared_sorted_and_exist(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in OPTIONAL:
            raise
        pytest.skip(f"needs the extra that brings {error.name}")
    public = getattr(module, "__all__", [])
    # constants first, then classes, then functions, each sorted: the order that the linter keeps
    assert [word for word in public if not hasattr(module, word)] == []
    assert len(set(public)) == len(public)


def test_help_answers_in_under_300_milliseconds_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; from inhouse.cli.main import main; main(['--help']);"
        "print(*(set(sys.modules) & {'torch', 'pydantic', 'pyarrow', 'rich'}), file=sys.stderr)"
    )
    best = 9.0
    for _ in range(3):
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        best = min(best, time.perf_counter() - start)
    assert done.stderr.strip() == ""
    assert best < 0.3


def test_every_verb_has_a_module_with_a_help_and_an_example() -> None:
    from inhouse.cli.main import VERBS

    for verb in VERBS:
        done = subprocess.run(
            [sys.executable, "-m", "inhouse.cli.main", verb, "--help"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert f"example: inhouse {verb}" in done.stdout
        assert "--json" in done.stdout


def test_the_version_is_that_of_the_package() -> None:
    from importlib.metadata import version

    assert version("inhouse") == inhouse.__version__


if __name__ == "__main__":
    RECORDED.write_text(
        json.dumps(
            {stage.name: {"version": stage.version, "digest": _source_digest(stage)} for stage in STAGES},
            indent=1,
            sort_keys=True,
        )
        + "\n"
    )
