"""What a model folder must hold before it is read: safetensors, a configuration, a tokenizer, no code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from inhouse.digests import digest_file, digest_json
from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_folder", "licence_of", "read_json", "weight_files", "weights_digest"]

_INDEX = "model.safetensors.index.json"
_LONGEST_HEADER = 10**8  # bytes, as the format allows
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


def check_folder(folder: Path) -> None:
    """Raise UserMistake, naming the file, unless the folder holds a model that is safe and whole."""
    config = read_json(folder / "config.json", required=True)
    for name, content in (("config.json", config), ("tokenizer_config.json", None)):
        settings = read_json(folder / name) if content is None else content
        if "auto_map" in settings:
            raise UserMistake(
                "models that bring their own Python code are refused",
                f"{folder / name} has auto_map",
                "use a model whose architecture transformers knows by itself",
            )
    for path in weight_files(folder):
        _check_whole(path)
    if not (folder / "tokenizer.json").exists():
        raise _missing(folder, "tokenizer.json")


def weight_files(folder: Path) -> list[Path]:
    """Return the safetensors files of a model, sorted. Raises UserMistake if there are none or too few."""
    index = read_json(folder / _INDEX)
    if index:
        names = sorted(set(index["weight_map"].values()))
        absent = next((name for name in names if not (folder / name).is_file()), None)
        if absent is not None:
            raise _missing(folder, absent)
        return [folder / name for name in names]
    if (folder / "model.safetensors").is_file():
        return [folder / "model.safetensors"]
    pickles = sorted(path for pattern in _PICKLES for path in folder.glob(pattern))
    if pickles:
        raise UserMistake(
            "weights in pickles are refused, because loading one runs whatever code it holds",
            str(pickles[0]),
            "use a copy of the model in safetensors",
        )
    quantized = next(iter(sorted(folder.glob("*.gguf"))), None)
    if quantized is not None:
        raise UserMistake("a GGUF model is given as a file", str(folder), f"use {quantized}")
    raise _missing(folder, "model.safetensors")


def weights_digest(files: list[Path]) -> str:
    """Return the identity of the weights: the names and contents of their files."""
    return digest_json({path.name: digest_file(path) for path in files})


def licence_of(folder: Path) -> str:
    """Return the licence that the model's README declares in its header, or ""."""
    try:
        text = (folder / "README.md").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    parts = text.split("---", 2)
    if parts[0].strip() or len(parts) < 3:
        return ""
    try:
        header = yaml.safe_load(parts[1])
    except yaml.YAMLError:
        return ""
    return str(header.get("license") or "") if isinstance(header, dict) else ""


def read_json(path: Path, *, required: bool = False) -> dict[str, Any]:
    """Return the mapping in a JSON file; an absent one is empty unless `required`."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if not required:
            return {}
        raise _missing(path.parent, path.name) from None
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise UserMistake("a file of the model is damaged", str(path), "copy the model again")
    return content


def _check_whole(path: Path) -> None:
    """Raise UserMistake for a safetensors file that ends before its header says so."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = stream.read(min(length, _LONGEST_HEADER))
    try:
        entries = json.loads(header)
        ends = [each["data_offsets"][1] for name, each in entries.items() if name != "__metadata__"]
        whole = 8 + length + max(ends, default=0) <= size
    except (ValueError, KeyError, TypeError, AttributeError):
        whole = False
    if not whole:
        raise UserMistake("a file of the model is damaged", f"{path} is cut short", "copy the model again")


def _missing(folder: Path, name: str) -> UserMistake:
    return UserMistake(
        f"a model folder needs {name}",
        str(folder),
        "save the model there with save_pretrained of transformers",
    )
