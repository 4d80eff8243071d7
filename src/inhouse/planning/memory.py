"""How much memory and time a LoRA training takes, from the model's configuration alone.

Symbols: D hidden size, I intermediate size, L layers, V vocabulary, A width of all query heads, K width of
all key (or value) heads, T tokens in one forward pass, r rank. Layers as in Llama, Qwen2, SmolLM2, Mistral:

    weights        2AD + 2KD + 3DI a layer, VD once or, untied, twice
    adapter        r (in + out) for each target in each layer; gradients as large, AdamW's moments twice
    activations    what autograd keeps of one layer for T tokens (counted below), times L
    logits         two copies of at most 2^24: the loss never holds more at a time
    workspace      on a CPU, what the heap does not give back: part of the temporaries

Time counts the products: forward 2 operations for each weight and token, backward 2 more (the frozen weights
need no gradient of their own), recomputed activations another 2; attention adds 4AT a layer each, and each
weight of the adapter, which has a gradient, 6 in all.
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
_HOLES = 0.6  # of the temporaries of a forward pass stay in the heap (measured with glibc 2.36: .44 to .77)
_EFFICIENCY = 0.55  # of the matrix-product rate that a training step reaches (measured: .53 to .57)


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
    on_cpu = recipe.precision == "float32"
    mask = recipe.sequence_length
    layer = (_layer_floats(shape, recipe, on_cpu) + mask) * tokens * bytes_each
    holes = _hole_floats(shape, recipe) * tokens * bytes_each if on_cpu else 0
    layers = 1 if recipe.checkpointing else shape.layers
    inputs = shape.layers * tokens * shape.hidden * bytes_each if recipe.checkpointing else 0
    chunk = min(_LOGITS_AT_ONCE, shape.vocabulary * tokens)
    return Estimate(
        weights=shape.weights * bytes_each,
        adapter=adapter * _FLOAT,
        gradients=adapter * _FLOAT,
        optimizer=2 * adapter * _FLOAT,
        activations=int(inputs + layers * layer),
        logits=2 * chunk * _FLOAT,
        workspace=int(layers * holes),
        seconds=_seconds(shape, recipe, adapter, trained, validated, rate),
    )


def _layer_floats(shape: Shape, recipe: Recipe, on_cpu: bool) -> float:
    """Return the numbers that one layer keeps for one token until its backward pass, the mask apart.

    A norm keeps its input, not the scaled copy: its weight is frozen. Attention keeps queries, keys and
    values (repeated for every query head) and its result; the gated unit gate, up and activation. An adapted
    layer keeps its dropped-out input and the noise, a byte on a GPU and a float on a CPU; without dropout it
    keeps its input, once for all layers that read it. Counted with PyTorch's saved_tensors_hooks.
    """
    noise = 1.0 if on_cpu else 0.5
    targets = [name for name in recipe.targets if name in shape.targets]
    if recipe.dropout:
        inputs = sum((1 + noise) * shape.targets[name][0] for name in targets)
    else:  # attention's result is kept anyway
        sources = {name: "attention" if name in ("q_proj", "k_proj", "v_proj") else name for name in targets}
        sources |= {name: "unit" for name in targets if name in ("gate_proj", "up_proj")}
        inputs = sum({sources[name]: shape.targets[name][0] for name in targets if name != "o_proj"}.values())
    kept = 2 * shape.hidden + 4 * shape.query + 3 * shape.intermediate
    return kept + inputs + recipe.rank * len(targets)


def _hole_floats(shape: Shape, recipe: Recipe) -> float:
    """Return the numbers of one layer and token that die at once and still take room in the heap.

    These are the results of the linear layers, and of an adapted one its update, plain and scaled. PyTorch
    asks glibc for aligned memory, for which glibc needs a little more room than asked: many a hole that a
    temporary leaves does not fit the next one of its size.
    """
    adapted = sum(shape.targets[name][1] for name in recipe.targets if name in shape.targets)
    return _HOLES * (sum(outputs for _, outputs in shape.targets.values()) + 2 * adapted)


def _seconds(shape: Shape, recipe: Recipe, adapter: int, trained: int, validated: int, rate: float) -> float:
    products = shape.block_weights + shape.vocabulary * shape.hidden
    attention = 2 * shape.layers * shape.query * recipe.sequence_length
    forward = 2 * (products + adapter) + attention
    passes = 3 if recipe.checkpointing else 2
    operations = trained * (passes * forward + 2 * adapter) + validated * forward
    return operations / (rate * _EFFICIENCY)
