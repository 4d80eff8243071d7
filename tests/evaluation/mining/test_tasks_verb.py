"""`inhouse tasks`: an untrusted checkout cannot name the program that is run, and what was mined is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inhouse.cli.main import main
from tests.evaluation.mining.shop import shop


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    repo, _ = shop(tmp_path / "repo")
    repo.remove("src/shop/basket.py")
    repo.remove("tests/test_basket.py")
    repo.commit("Sell prices only")
    return repo.path


@pytest.mark.parametrize("setting", ["python: ./evil", "test_command: [sh, -c, ./evil]"])
def test_a_settings_file_of_a_checkout_must_be_trusted_before_it_names_a_program(
    checkout: Path, capsys: pytest.CaptureFixture[str], setting: str
) -> None:
    file = checkout / "inhouse.yaml"
    file.write_text(f"execution: {{{setting}}}\n")
    assert main(["tasks", "mine", str(checkout), "--model", "builtin:smollm2-135m", "--quiet"]) == 2
    said = capsys.readouterr().err
    assert "must be trusted before it may name a program that is run" in said
    assert "evil" in said
    assert f"inhouse config --trust --settings {file}" in said


def test_mine_list_and_show(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / "inhouse.yaml").write_text("split: {months: 1, min_items: 1}\nexecution: {max_tasks: 1}\n")
    assert main(["tasks", "mine", str(checkout), "--unsafe-local", "--quiet", "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)["counts"]
    assert counts["isolation"] == "unsafe-local"
    assert main(["tasks", "list", str(checkout), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["tasks"]
    assert len(rows) == counts["tasks"] > 0
    name = rows[0]["id"]
    assert main(["tasks", "show", name, "--workspace", str(checkout)]) == 0
    assert "isolation unsafe-local" in capsys.readouterr().out
    assert main(["tasks", "show", "nothing", "--workspace", str(checkout)]) == 2
    assert "see `inhouse tasks list`" in capsys.readouterr().err


def test_before_anything_was_mined_the_next_command_is_named(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ingest", str(checkout), "--quiet"]) == 0
    capsys.readouterr()
    assert main(["tasks", "list", str(checkout)]) == 2
    assert "run `inhouse tasks mine`" in capsys.readouterr().err
