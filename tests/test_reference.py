"""The reference page and `inhouse config --explain` say what the code does."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

from inhouse.cli.main import VERBS, main
from inhouse.config import explain, load_settings
from inhouse.records import Recipe

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "docs" / "make_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_code_says_now(maker: ModuleType) -> None:
    if maker.PAGE.read_text(encoding="utf-8") != maker.reference():
        pytest.fail("docs/reference.md is out of date; make it anew: python docs/make_reference.py")


@pytest.mark.parametrize("words", [*([verb] for verb in VERBS), ["sandbox", "run"]], ids=" ".join)
def test_the_page_has_every_option_that_the_help_shows(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """--json, --quiet and --help are added where verbs are run, and told once for all of them."""
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    section = page.partition(f"# inhouse {' '.join(words)}\n")[2].partition("\n##")[0]
    with pytest.raises(SystemExit):
        main([*words, "--help"])
    shown = re.findall(r"^  (?:-\w, )?(--?[a-z][a-z-]*)", capsys.readouterr().out, re.MULTILINE)
    told = re.findall(r"^\| `(--?[a-z][a-z-]*)", section, re.MULTILINE)
    assert set(told) == set(shown) - {"--help", "--json", "--quiet"}
    assert all(f"`{option}`" in page for option in ("--help", "--json", "--quiet"))


def test_every_setting_says_what_it_means() -> None:
    assert [key for key, _, _, meaning in explain(load_settings(None)) if not meaning.endswith(".")] == []


# ------------------------------------------------------------ config --explain


def test_the_default_of_the_cut_is_shown_only_where_it_applies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    months = _explained(tmp_path, capsys)["split.months"]
    assert (months["value"], months["from"]) == (3, "derived")
    (tmp_path / "inhouse.yaml").write_text("split: {releases: 2}\n")
    rows = _explained(tmp_path, capsys)
    assert (rows["split.months"]["value"], rows["split.releases"]["value"]) == (None, 2)


def _explained(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    assert main(["config", "--explain", "--json", "--workspace", str(folder)]) == 0
    return {row["setting"]: row for row in json.loads(capsys.readouterr().out)["settings"]}


def test_before_a_plan_the_whole_recipe_is_told_to_be_derived(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = _explained(tmp_path, capsys)
    recipe = [name.removeprefix("recipe.") for name in rows if name.startswith("recipe.")]
    assert recipe == [field.name for field in dataclasses.fields(Recipe)]
    assert rows["recipe.rank"] == {
        "setting": "recipe.rank",
        "value": None,
        "from": "derived",
        "meaning": "derived when the plan is made, from the number of training examples",
    }
    assert rows["training.rank"]["from"] == "derived"
    assert all(row["meaning"] for row in rows.values())


def test_before_a_plan_what_is_set_already_has_its_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "inhouse.yaml").write_text("seed: 7\nworkers: 3\ntraining: {rank: 8}\n")
    rows = _explained(tmp_path, capsys)
    told = {name: (rows[name]["value"], rows[name]["from"]) for name in ("workers", "recipe.rank")}
    assert told == {"workers": (3, "set"), "recipe.rank": (8, "set")}
    assert (rows["recipe.seed"]["value"], rows["recipe.seed"]["meaning"]) == (7, "from the settings")


def test_a_setting_that_changed_after_the_plan_is_told_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inhouse.yaml").write_text("training: {rank: 8}\n")
    planned = {field.name: 0 for field in dataclasses.fields(Recipe)} | {"rank": 16}
    reasons = dict.fromkeys(planned, "a reason")
    monkeypatch.setattr("inhouse.cli.config._planned", lambda _home: (planned, reasons))
    rows = _explained(tmp_path, capsys)
    assert rows["recipe.rank"]["value"] == 8
    assert rows["recipe.rank"]["meaning"] == "from the settings; the latest plan has 16"
    assert (rows["recipe.alpha"]["value"], rows["recipe.alpha"]["meaning"]) == (0, "a reason")
