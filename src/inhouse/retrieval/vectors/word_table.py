"""The input embeddings of a language model as a table of vectors, made once for all workspaces of a user.

A model's first layer has learnt which tokens stand for alike things. Its rows share a large part that says
how frequent a token is, not what it means; without their mean and their three strongest common directions the
cosine of two rows says how alike the tokens are (Mu & Viswanath 2018, "All-but-the-Top",
https://arxiv.org/abs/1702.01417).

DIGEST-words-VERSION/     beside the converted models
  rows.npy                (vocabulary, dimension) float16, each row of length 1
  tokenizer.json
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from inhouse.digests import digest_bytes, digest_file, digest_json
from inhouse.errors import UserMistake
from inhouse.models.builtin import BUILTINS, source_file
from inhouse.models.cache import convert_once
from inhouse.models.convert import is_gguf
from inhouse.models.folder import check_folder, weight_files
from inhouse.retrieval.vectors.tensors import find_tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    Rows = Callable[[slice], np.ndarray]  # rows of the embeddings, float32

__all__ = ["VERSION", "WordTable", "word_table"]

VERSION = 1
"""Rises when the same model would give another table, or the same table other vectors."""

_COMMON = 3  # directions that are taken out
_BLOCK = 16_384  # rows in memory at a time
_SAMPLE = 4_096  # rows that a folder's model is known by
_BUILTIN = "builtin:"
_NAMES = (
    "embed_tokens.weight",
    "wte.weight",
    "word_embeddings.weight",
    "tok_embeddings.weight",
    "shared.weight",
)


@dataclass(frozen=True, slots=True)
class WordTable:
    """A finished table."""

    name: str
    digest: str  # of the model that it was made of
    folder: Path

    def rows(self) -> np.ndarray:
        """Return the table, read from the disk as it is used."""
        rows: np.ndarray = np.load(self.folder / "rows.npy", mmap_mode="r", allow_pickle=False)
        return rows


def word_table(reference: str) -> WordTable:
    """Return the table of a base model: builtin:NAME, a GGUF file or a folder; made at its first use.

    Neither torch nor the network is needed. Raises UserMistake for what is no such model.
    """
    if reference.startswith(_BUILTIN):
        builtin = BUILTINS.get(reference.removeprefix(_BUILTIN))
        if builtin is None:
            raise _no_model(reference)
        return _made(builtin.name, builtin.digest, lambda folder: _from_gguf(source_file(builtin), folder))
    path = Path(reference).expanduser()
    if path.is_dir():
        check_folder(path)
        return _made(path.resolve().name, _digest_of(path), lambda folder: _from_folder(path, folder))
    if path.is_file() and is_gguf(path):
        return _made(path.stem, digest_file(path), lambda folder: _from_gguf(path, folder))
    raise _no_model(reference)


def _made(name: str, digest: str, write: Callable[[Path], None]) -> WordTable:
    def convert(folder: Path) -> str:
        write(folder)
        return ""

    folder, _ = convert_once(f"{digest}-words{VERSION}", name, convert)
    return WordTable(name, digest, folder)


# ------------------------------------------------------------------ reading a model


def _from_gguf(source: Path, folder: Path) -> None:
    from gguf import GGUFReader, dequantize

    from inhouse.models.gguf_tokenizer import tokenizer_files

    try:
        reader = GGUFReader(source)
    except (ValueError, IndexError, KeyError) as error:
        raise UserMistake("a GGUF file is damaged", str(source), "copy it again") from error
    tensor = next((tensor for tensor in reader.tensors if tensor.name == "token_embd.weight"), None)
    if tensor is None:
        raise _no_model(str(source))
    fields = {name: field.contents() for name, field in reader.fields.items()}
    description = json.dumps(tokenizer_files(fields)[0], ensure_ascii=False)

    def rows(which: slice) -> np.ndarray:
        return np.asarray(dequantize(tensor.data[which], tensor.tensor_type), dtype=np.float32)

    _write(rows, int(tensor.shape[1]), description, folder)


def _from_folder(model: Path, folder: Path) -> None:
    tensor = find_tensor(weight_files(model), _NAMES)
    if tensor is None:
        raise _no_model(str(model))
    description = (model / "tokenizer.json").read_text(encoding="utf-8")
    _write(tensor.rows, tensor.shape[0], description, folder)


def _digest_of(model: Path) -> str:
    """Return what tells two models apart without reading gigabytes: rows of the embeddings, the tokenizer."""
    tensor = find_tensor(weight_files(model), _NAMES)
    if tensor is None:
        raise _no_model(str(model))
    sample = tensor.rows(np.linspace(0, tensor.shape[0] - 1, min(_SAMPLE, tensor.shape[0])).astype(np.int64))
    parts: list[Any] = [list(tensor.shape), digest_bytes(sample.tobytes())]
    return digest_json([*parts, digest_file(model / "tokenizer.json")])


# ------------------------------------------------------------------ making the table


def _write(rows: Rows, count: int, description: str, folder: Path) -> None:
    mean, common = _common_part(rows, count)
    table = np.lib.format.open_memmap(folder / "rows.npy", "w+", np.float16, (count, len(mean)))
    for start in range(0, count, _BLOCK):
        block = rows(slice(start, min(start + _BLOCK, count))) - mean
        block -= (block @ common.T) @ common
        lengths = np.linalg.norm(block, axis=1, keepdims=True)
        table[start : start + len(block)] = block / np.where(lengths > 0, lengths, 1)
    table.flush()
    (folder / "tokenizer.json").write_text(description, encoding="utf-8")


def _common_part(rows: Rows, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of all rows, (dimension,), and their strongest directions, (_COMMON, dimension)."""
    total: np.ndarray | float = 0.0
    products: np.ndarray | float = 0.0
    for start in range(0, count, _BLOCK):
        block = rows(slice(start, min(start + _BLOCK, count))).astype(np.float64)
        total, products = total + block.sum(axis=0), products + block.T @ block
    mean = np.asarray(total) / count
    if not np.isfinite(mean).all():
        raise UserMistake("a model's embeddings are numbers", "some are not finite", "copy the model again")
    _, directions = np.linalg.eigh(np.asarray(products) / count - np.outer(mean, mean))  # weakest first
    return mean.astype(np.float32), directions[:, -_COMMON:].T.astype(np.float32)


def _no_model(reference: str) -> UserMistake:
    return UserMistake(
        "static vectors are made of builtin:NAME, a GGUF file or a model folder with safetensors",
        reference,
        "use retrieval.vectors.source: static for the embedded base model",
    )
