"""A registered adapter never changes, and half a registration does not count."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inhouse.errors import UserMistake
from inhouse.registry.adapters import Adapter, Registry, adapter_digest


def _weights(folder: Path, content: bytes = b"weights") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "adapter_model.safetensors").write_bytes(content)
    (folder / "adapter_config.json").write_text("{}")
    return folder


def _register(tmp_path: Path, content: bytes = b"weights", **manifest: object) -> Adapter:
    return Registry(tmp_path / "registry").register(
        _weights(tmp_path / "new", content), "Click Tool", manifest
    )


def test_the_same_weights_have_one_name_and_other_weights_another(tmp_path: Path) -> None:
    first, again, other = _register(tmp_path), _register(tmp_path), _register(tmp_path, b"other")
    assert first.name == again.name == f"click-tool-{first.digest[:8]}"
    assert other.name != first.name
    assert [adapter.name for adapter in Registry(tmp_path / "registry").list()] == sorted(
        [first.name, other.name]
    )


def test_files_beside_the_weights_do_not_change_the_digest(tmp_path: Path) -> None:
    folder = _weights(tmp_path / "new")
    before = adapter_digest(folder)
    (folder / "README.md").write_text("made by a library")
    assert adapter_digest(folder) == before


def test_new_scores_of_the_same_weights_replace_the_manifest(tmp_path: Path) -> None:
    _register(tmp_path, scores=1)
    assert _register(tmp_path, scores=2).manifest["scores"] == 2


def test_a_registration_that_was_killed_is_not_listed_and_is_finished_by_the_next(tmp_path: Path) -> None:
    whole = _register(tmp_path)
    (whole.folder / "manifest.json").unlink()
    registry = Registry(tmp_path / "registry")
    assert registry.list() == []
    assert _register(tmp_path).digest == whole.digest


def test_changed_weights_are_noticed(tmp_path: Path) -> None:
    adapter = _register(tmp_path)
    registry = Registry(tmp_path / "registry")
    registry.verify(adapter)
    (adapter.folder / "adapter_model.safetensors").write_bytes(b"tampered")
    with pytest.raises(UserMistake, match="never changes"):
        registry.verify(adapter)


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    adapter = _register(tmp_path)
    with pytest.raises(UserMistake, match=adapter.name):
        Registry(tmp_path / "registry").get("clik")


def test_the_manifest_is_the_same_bytes_every_time(tmp_path: Path) -> None:
    first = (_register(tmp_path, b=1, a=2).folder / "manifest.json").read_bytes()
    assert (_register(tmp_path, a=2, b=1).folder / "manifest.json").read_bytes() == first
    assert json.loads(first)["a"] == 2
