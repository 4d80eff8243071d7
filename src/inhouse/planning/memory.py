"""How much memory and time a LoRA training takes, from the model's configuration alone.

Symbols: D hidden size, I intermediate size, L layers, V vocabulary, A width of all query heads, K width of
all key (or value) heads, T tokens in one forward pass, r rank. Layers as in Llama, Qwen2, SmolLM2, Mistral:

    weights        2AD + 2KD + 3DI a layer, VD once or, untied, twice
    adapter        r (in + out) for each target in each layer; gradients as large, AdamW's moments twice
    activations    what autograd keeps of one layer for T tokens (counted below), times L
    logits         three copies of at most 2^24: the loss never holds more at a time
    workspace      the largest pair of gradients inside a layer, and what the allocator does not give back

Time counts the products: forward 2 operations for each weight and token, backward 2 more (the frozen weights
need no gradient of their own), recomputed activations another 2; attention adds 4AT a layer each.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inhouse.records import Recipe

__all__ = ["Estimate", "Shape", "estimate"]

_NEEDED = ("hidden_size", "intermediate_size", "num_attention_heads", "num_hidden_layers", "vocab_size")
_LOGITS_AT_ONCE = 1 << 24
_FLOAT = 4  # bytes of an adapter weight, a gradient, a moment
_MASK = 0.25  # a dropout mask takes one byte where a float takes four
_OVERHEAD = 1.1  # buffers that the allocator keeps
_EFFICIENCY = 0.85  # of the matrix-product rate that a training step reaches
_FORWARD_SHARE = 1 / 2  # of a trained token's operations in a scored one


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

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Shape:
        """Read the sizes; a missing head size follows from the hidden size, as in transformers.

        Raises UserMistake for a model of another build.
        """
        lacking = [name for name in _NEEDED if name not in config]
        if lacking:
            given = f"its config.json has no {', '.join(lacking)}"
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
    def weights(self) -> int:
        """All weights, norms apart."""
        return self.block_weights + self.vocabulary * self.hidden * (1 if self.tied else 2)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes at the peak, by use, and seconds for the whole training, validation included."""

    weights: int
    adapter: int
    gradients: int
    optimizer: int
    activations: int
    logits: int
    workspace: int
    seconds: float

    @property
    def total(self) -> int:
        """Return the bytes at the peak."""
        parts = asdict(self)
        return int(sum(size for name, size in parts.items() if name != "seconds"))

    def as_json(self) -> dict[str, float]:
        """Return the parts, their sum and the time as plain values."""
        return {**asdict(self), "total_bytes": self.total}


def estimate(
    config: Mapping[str, Any], recipe: Recipe, *, trained: int, validated: int, rate: float
) -> Estimate:
    """Estimate a training over `trained` tokens that scores `validated` tokens in all its validations.

    `rate` is the machine's measured operations a second, as `hardware.matmul_rate` gives it.
    """
    shape = Shape.of(config)
    bytes_each = 2 if recipe.precision == "bfloat16" else 4
    tokens = recipe.rows * recipe.sequence_length
    adapter = (
        shape.layers
        * recipe.rank
        * sum(sum(shape.targets[name]) for name in recipe.targets if name in shape.targets)
    )
    layer = _layer_floats(shape, recipe) * tokens * bytes_each
    kept = (
        shape.layers * tokens * shape.hidden * bytes_each + layer
        if recipe.checkpointing
        else shape.layers * layer
    )
    chunk = min(_LOGITS_AT_ONCE, shape.vocabulary * tokens)
    return Estimate(
        weights=shape.weights * bytes_each,
        adapter=adapter * _FLOAT,
        gradients=adapter * _FLOAT,
        optimizer=2 * adapter * _FLOAT,
        activations=int(kept * _OVERHEAD),
        logits=3 * chunk * _FLOAT,
        workspace=4 * tokens * shape.intermediate * bytes_each,
        seconds=_seconds(shape, recipe, trained, validated, rate),
    )


def _layer_floats(shape: Shape, recipe: Recipe) -> float:
    """Return the numbers that one layer keeps for one token until its backward pass.

    A norm keeps its input twice (as it came, and scaled). An adapted layer keeps its dropped-out input and
    the mask; attention its queries, keys, values and result; the gated unit gate, activation and up.
    """
    hidden, intermediate, query, key = shape.hidden, shape.intermediate, shape.query, shape.key
    dropped = 1 + _MASK if recipe.dropout else 0.0
    inputs = sum(
        max(dropped, 0.0 if recipe.dropout else 1.0) * shape.targets[name][0]
        for name in recipe.targets
        if name in shape.targets
    )
    return 2 * 2 * hidden + 2 * query + 2 * key + 3 * intermediate + inputs


def _seconds(shape: Shape, recipe: Recipe, trained: int, validated: int, rate: float) -> float:
    products = shape.block_weights + shape.vocabulary * shape.hidden
    attention = 2 * shape.layers * shape.query * recipe.sequence_length
    forward = 2 * products + attention
    passes = 3 if recipe.checkpointing else 2
    operations = trained * passes * forward + validated * 2 * _FORWARD_SHARE * forward
    return operations / (rate * _EFFICIENCY)
