"""The sizes of models: from a config.json, or by name for well-known architectures whose sizes are public.

Symbols: D hidden size, I intermediate size, L layers, V vocabulary, A width of all query heads, K width of
all key (or value) heads. Layers as in Llama, Qwen2, SmolLM2, Mistral:

    weights        2AD + 2KD + 3DI a layer, VD once or, untied, twice; norms apart
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inhouse.errors import UserMistake
from inhouse.models.resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PUBLIC_SHAPES", "Shape", "find_config"]

_NEEDED = ("hidden_size", "intermediate_size", "num_attention_heads", "num_hidden_layers", "vocab_size")
_SUFFIXES = re.compile(r"(-(instruct|chat|base|hf|it|v\d[\d.]*))+$")
_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts")


def _public(
    hidden: int,
    intermediate: int,
    layers: int,
    heads: tuple[int, int],
    vocabulary: int,
    *,
    tied: bool = False,
    kind: str = "llama",
) -> dict[str, Any]:
    return {
        "model_type": kind,
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_hidden_layers": layers,
        "num_attention_heads": heads[0],
        "num_key_value_heads": heads[1],
        "vocab_size": vocabulary,
        "tie_word_embeddings": tied,
    }


PUBLIC_SHAPES: dict[str, dict[str, Any]] = {
    "smollm2-135m": _public(576, 1536, 30, (9, 3), 49152, tied=True),
    "smollm2-360m": _public(960, 2560, 32, (15, 5), 49152, tied=True),
    "smollm2-1.7b": _public(2048, 8192, 24, (32, 32), 49152, tied=True),
    "tinyllama-1.1b": _public(2048, 5632, 22, (32, 4), 32000),
    "qwen2.5-coder-0.5b": _public(896, 4864, 24, (14, 2), 151936, tied=True, kind="qwen2"),
    "qwen2.5-coder-1.5b": _public(1536, 8960, 28, (12, 2), 151936, tied=True, kind="qwen2"),
    "qwen2.5-coder-3b": _public(2048, 11008, 36, (16, 2), 151936, tied=True, kind="qwen2"),
    "qwen2.5-coder-7b": _public(3584, 18944, 28, (28, 4), 152064, kind="qwen2"),
    "qwen2.5-coder-14b": _public(5120, 13824, 48, (40, 8), 152064, kind="qwen2"),
    "qwen2.5-coder-32b": _public(5120, 27648, 64, (40, 8), 152064, kind="qwen2"),
    "qwen-7b": _public(4096, 11008, 32, (32, 32), 151936),
    "llama-2-7b": _public(4096, 11008, 32, (32, 32), 32000),
    "llama-2-13b": _public(5120, 13824, 40, (40, 40), 32000),
    "llama-65b": _public(8192, 22016, 80, (64, 64), 32000),
    "llama-2-70b": _public(8192, 28672, 80, (64, 8), 32000),
    "llama-3.1-8b": _public(4096, 14336, 32, (32, 8), 128256),
    "llama-3.1-70b": _public(8192, 28672, 80, (64, 8), 128256),
    "llama-3.2-1b": _public(2048, 8192, 16, (32, 8), 128256, tied=True),
    "llama-3.2-3b": _public(3072, 8192, 28, (24, 8), 128256, tied=True),
    "mistral-7b": _public(4096, 14336, 32, (32, 8), 32768, kind="mistral"),
    "codestral-22b": _public(6144, 16384, 56, (48, 8), 32768, kind="mistral"),
}
"""Sizes as their makers publish them, by lower-case name; no weights are needed for an estimate."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a model, from its config.json."""

    hidden: int
    intermediate: int
    layers: int
    vocabulary: int
    query: int
    key: int
    tied: bool
    biased: tuple[str, ...] = ()  # linear layers with a bias

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Shape:
        """Read the sizes; a missing head size follows from the hidden size, as in transformers.

        Raises UserMistake for a model of another build.
        """
        lacking = [name for name in _NEEDED if name not in config]
        experts = [name for name in _EXPERTS if config.get(name)]
        if lacking or experts:
            given = f"its config.json has {'no ' + ', '.join(lacking) if lacking else experts[0]}"
            raise UserMistake("a base model is a decoder built like Llama", given, "see `inhouse models`")
        heads = int(config["num_attention_heads"])
        width = int(config.get("head_dim") or config["hidden_size"] // heads)
        return cls(
            hidden=int(config["hidden_size"]),
            intermediate=int(config["intermediate_size"]),
            layers=int(config["num_hidden_layers"]),
            vocabulary=int(config["vocab_size"]),
            query=heads * width,
            key=int(config.get("num_key_value_heads") or heads) * width,
            tied=bool(config.get("tie_word_embeddings", False)),
            biased=_biased(config),
        )

    @property
    def targets(self) -> dict[str, tuple[int, int]]:
        """The linear layers of one block, by name: (inputs, outputs)."""
        return {
            "q_proj": (self.hidden, self.query),
            "k_proj": (self.hidden, self.key),
            "v_proj": (self.hidden, self.key),
            "o_proj": (self.query, self.hidden),
            "gate_proj": (self.hidden, self.intermediate),
            "up_proj": (self.hidden, self.intermediate),
            "down_proj": (self.intermediate, self.hidden),
        }

    @property
    def block_weights(self) -> int:
        """Weights of all blocks, norms apart."""
        return self.layers * sum(inputs * outputs for inputs, outputs in self.targets.values())

    @property
    def embedding_weights(self) -> int:
        """Weights of the embeddings, and of the output head where it has its own."""
        return self.vocabulary * self.hidden * (1 if self.tied else 2)

    @property
    def biases(self) -> int:
        """Weights of all biases."""
        return self.layers * sum(self.targets[name][1] for name in self.biased)

    @property
    def weights(self) -> int:
        """All weights, norms and biases apart."""
        return self.block_weights + self.embedding_weights


def find_config(reference: str) -> tuple[str, dict[str, Any]]:
    """Return the name and configuration of a config.json, a folder with one, a GGUF file or a public shape.

    A public shape is found by the last part of a hub id too, whatever follows its size (Qwen/Qwen2.5-Coder-7B
    and its -Instruct). Raises UserMistake with the nearest names.
    """
    path = Path(reference).expanduser()
    if path.is_dir():
        path /= "config.json"
    if path.is_file():
        return reference, _read(path if path.suffix == ".json" else resolve(reference).folder / "config.json")
    name = _SUFFIXES.sub("", reference.lower().rpartition("/")[2].rpartition(":")[2])
    if name in PUBLIC_SHAPES:
        return name, PUBLIC_SHAPES[name]
    near = difflib.get_close_matches(name, PUBLIC_SHAPES, n=3, cutoff=0.5) or list(PUBLIC_SHAPES)
    raise UserMistake(
        "a model is a config.json, a folder with one, or the name of a public shape",
        f"{reference} is none",
        f"did you mean {', '.join(near)}",
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError):
        config = None
    if not isinstance(config, dict):
        raise UserMistake("a config.json holds one JSON object", str(path), "compare with the model's own")
    return config


def _biased(config: Mapping[str, Any]) -> tuple[str, ...]:
    if config.get("model_type") == "qwen2":  # its configuration does not say so
        return ("q_proj", "k_proj", "v_proj")
    attention = ("q_proj", "k_proj", "v_proj", "o_proj") if config.get("attention_bias") else ()
    return attention + (("gate_proj", "up_proj", "down_proj") if config.get("mlp_bias") else ())
