"""How much memory and time a training takes, from the model's configuration alone.

Symbols as in `shapes`: D hidden size, I intermediate size, L layers, V vocabulary, A width of all query
heads, K width of all key (or value) heads; T tokens in one forward pass, r rank, P virtual tokens.

    weights        of the frozen base, at its precision; four bits: .516 bytes each, embeddings and head apart
    adapter        what is trained, float32: see `trained_weights`; gradients as large, AdamW's moments twice
    activations    what autograd keeps of one layer for T tokens (counted below), times L; recomputed: the
                   input of every layer, and one layer
    logits         two copies of at most 2^24: the loss never holds more at a time
    workspace      on a CPU, what the heap does not give back: part of the temporaries, and a checkpoint's
                   copy of the moments as far as activations left no room for it; on a GPU, the temporaries of
                   the widest layer, and the bfloat16 copies of trained weights

Time counts the products: forward 2 operations for each weight and token, backward 2 more (the frozen weights
need no gradient of their own), recomputed activations another 2; attention adds 4AT a layer each, and each
trained weight, which has a gradient, 2 more in the backward pass.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from inhouse.planning.shapes import Shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inhouse.records import Recipe

__all__ = ["NF4_BYTES", "Estimate", "Habits", "Shape", "estimate", "operations", "trained_weights"]

NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
"""Of a weight in four bits: a scale of one byte for 64 weights, a float for 256 scales (QLoRA, section 3)."""

_LOGITS_AT_ONCE = 1 << 24
_FLOAT = 4  # bytes of an adapter weight, a gradient, a moment
_EIGHT_BIT_MOMENT = 1 + 4 / 256  # bytes: a scale for 256 values (Dettmers et al. 2022, arXiv 2110.02861)
_HOLES = 0.6  # of the temporaries of a forward pass stay in the heap (measured with glibc 2.36: .44 to .77)
_EFFICIENCY = 0.55  # of the matrix-product rate that a training step reaches (measured: .53 to .57)
_START_RANKS = 1.5  # AdaLoRA begins with, for each in the end


@dataclass(frozen=True, slots=True)
class Habits:
    """How a trainer keeps things, in bytes. The defaults are the product's; published points have others."""

    trained: float = _FLOAT  # of a trained weight
    gradient: float = _FLOAT
    moments: float | None = None  # both together, of a trained weight; by the recipe's optimizer when None
    logit: float = 0.0  # of every logit of the forward pass, all at once; 0: in chunks, as the product does
    chunks: int = 1  # that those logits come in
    quantized_inputs: bool = False  # four-bit layers keep their inputs (bitsandbytes before 0.42)
    offloads: bool = False  # the inputs of recomputed layers wait in the memory of the machine
    compiled: bool = False  # norms, gates and adapters read one copy, and cheap parts are computed twice
    masks: bool = True  # every layer keeps a mask of T x T: packed rows without a variable-length kernel


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
    config: Mapping[str, Any],
    recipe: Recipe,
    *,
    trained: int,
    validated: int,
    rate: float,
    habits: Habits | None = None,
) -> Estimate:
    """Estimate a training over `trained` tokens that scores `validated` tokens in all its validations.

    `rate` is the machine's measured operations a second, as `hardware.matmul_rate` gives it.
    """
    shape, habits = Shape.of(config), habits or Habits()
    learnt = trained_weights(shape, recipe)
    return Estimate(
        weights=round(_frozen_bytes(shape, recipe)),
        adapter=round(learnt * habits.trained),
        gradients=round(learnt * habits.gradient),
        optimizer=round(learnt * _moment_bytes(recipe, habits)),
        activations=round(_activation_bytes(shape, recipe, habits)),
        logits=round(_logit_bytes(shape, recipe, habits)),
        workspace=round(_workspace_bytes(shape, recipe, learnt, habits)),
        seconds=operations(config, recipe, trained, validated) / (rate * _EFFICIENCY),
    )


def trained_weights(shape: Shape, recipe: Recipe) -> int:
    """Return how many weights a method trains; a method that is not known counts as a low-rank update."""
    inputs_outputs = [shape.targets[name] for name in recipe.targets if name in shape.targets]
    inputs, outputs = (sum(side) for side in zip(*inputs_outputs, strict=True)) if inputs_outputs else (0, 0)
    low_rank = shape.layers * recipe.rank * (inputs + outputs)
    match recipe.method:
        case "full" | "partial":
            return _changed_weights(shape, recipe)
        case "linear_probe":
            return shape.vocabulary * shape.hidden
        case "bitfit":
            return shape.biases
        case "ia3":
            factors = {"down_proj": shape.intermediate}
            scaled = [factors.get(name, shape.targets[name][1]) for name in recipe.targets]
            return shape.layers * sum(scaled)
        case "prompt" | "p_tuning":
            encoder = 3 * (shape.hidden**2 + shape.hidden) if recipe.method == "p_tuning" else 0
            return recipe.virtual_tokens * shape.hidden + encoder
        case "prefix":
            return recipe.virtual_tokens * shape.layers * 2 * shape.key
        case "dora":
            return low_rank + shape.layers * outputs
        case "adalora":
            start = math.ceil(_START_RANKS * recipe.rank)
            return shape.layers * start * (inputs + outputs + len(inputs_outputs))
    return low_rank


def _changed_weights(shape: Shape, recipe: Recipe) -> int:
    blocks = recipe.layers if recipe.method == "partial" else shape.layers
    linear = sum(math.prod(shape.targets[name]) for name in recipe.targets if name in shape.targets)
    embedded = "embed_tokens" in recipe.targets
    return blocks * linear + (shape.vocabulary * shape.hidden if embedded else 0)


def _width(recipe: Recipe) -> int:
    """Return the bytes of a number of the base and of its activations."""
    return 2 if recipe.precision == "bfloat16" else 4


def _tokens(recipe: Recipe) -> int:
    return recipe.rows * (recipe.sequence_length + recipe.virtual_tokens)


def _frozen_bytes(shape: Shape, recipe: Recipe) -> float:
    """Return the bytes of the base; weights that are trained themselves are the adapter's."""
    width = _width(recipe)
    replaced = 0
    if recipe.method in ("full", "partial") or (recipe.method == "linear_probe" and not shape.tied):
        replaced = trained_weights(shape, recipe)
    blocks = shape.block_weights * (NF4_BYTES if recipe.quantization else width)
    return blocks + shape.embedding_weights * width - replaced * width


def _moment_bytes(recipe: Recipe, habits: Habits) -> float:
    if habits.moments is not None:
        return habits.moments
    on_gpu = recipe.precision == "bfloat16"  # on a CPU the product falls back to adamw
    return 2 * (_EIGHT_BIT_MOMENT if recipe.optimizer.endswith("8bit") and on_gpu else _FLOAT)


def _activation_bytes(shape: Shape, recipe: Recipe, habits: Habits) -> float:
    width = _width(recipe)
    numbers = _layer_numbers(shape, recipe, habits) + (recipe.sequence_length if habits.masks else 0)
    if habits.quantized_inputs and recipe.quantization:
        numbers += 2 * shape.hidden + shape.query + shape.intermediate
    layers = {"partial": recipe.layers, "linear_probe": 0}.get(recipe.method, shape.layers)
    one = numbers * width * _tokens(recipe)
    if not recipe.checkpointing:
        return layers * one
    inputs = 0 if habits.offloads else layers * shape.hidden * width * _tokens(recipe)
    return inputs + min(1, layers) * one


def _layer_numbers(shape: Shape, recipe: Recipe, habits: Habits) -> float:
    """Return the numbers that one layer keeps for one token until its backward pass, the mask apart.

    A norm keeps its input, in float32, not the scaled copy: its weight is frozen. Attention keeps queries,
    keys and values (repeated for every query head) and its result; the gated unit gate, up and activation.
    Counted with PyTorch's saved_tensors_hooks.
    """
    attention, method = 4 * shape.query, _method_numbers(shape, recipe, habits)
    if habits.compiled:
        return 2 * shape.hidden + attention + 2 * shape.intermediate + method
    norms = 2 * shape.hidden * _FLOAT / _width(recipe)
    return norms + attention + 3 * shape.intermediate + method


def _method_numbers(shape: Shape, recipe: Recipe, habits: Habits) -> float:
    """Return what one layer keeps for one token on account of what is trained.

    An adapted layer keeps its dropped-out input and the noise, a byte on a GPU and a float on a CPU; without
    dropout its input, on a CPU once for all layers that read it (bfloat16 makes a copy for each). A layer
    whose own weight is trained keeps its input. DoRA keeps both parts of the result, which it scales.
    """
    targets = [name for name in recipe.targets if name in shape.targets]
    if recipe.method in ("full", "partial"):
        return 2 * shape.hidden + shape.intermediate
    if recipe.method == "ia3":
        return 2 * shape.key + shape.intermediate
    if not recipe.rank:
        return 0
    half = recipe.precision == "bfloat16"
    if recipe.dropout or (half and not habits.compiled):
        noise = (0.5 if half else 1.0) if recipe.dropout else 0.0
        inputs = sum((1 + noise) * shape.targets[name][0] for name in targets)
    else:  # attention's result is kept anyway
        sources = {name: "attention" if name in ("q_proj", "k_proj", "v_proj") else name for name in targets}
        sources |= {name: "unit" for name in targets if name in ("gate_proj", "up_proj")}
        inputs = sum({sources[name]: shape.targets[name][0] for name in targets if name != "o_proj"}.values())
    scaled = 2 * sum(shape.targets[name][1] for name in targets) if recipe.method == "dora" else 0
    return inputs + recipe.rank * len(targets) + scaled


def _logit_bytes(shape: Shape, recipe: Recipe, habits: Habits) -> float:
    logits = shape.vocabulary * _tokens(recipe)
    if habits.logit:
        return logits * habits.logit / habits.chunks
    return 2 * min(_LOGITS_AT_ONCE, logits) * _FLOAT


def _workspace_bytes(shape: Shape, recipe: Recipe, learnt: int, habits: Habits) -> float:
    tokens, width = _tokens(recipe), _width(recipe)
    if recipe.precision == "bfloat16":
        cast = habits.trained > width  # then the inputs of an adapter become float32 for a while too
        copies = width * learnt if cast else 0
        widest = shape.hidden * shape.intermediate * width if recipe.quantization else 0
        return widest + copies + 2 * (width + (_FLOAT if cast else 0)) * shape.intermediate * tokens
    copied = learnt * _moment_bytes(recipe, habits)  # by a checkpoint, into the room that activations left
    saving = max(0.0, copied - _activation_bytes(shape, recipe, habits))
    dequantized = shape.block_weights * width if recipe.quantization else 0  # holes too
    return dequantized + saving + shape.layers * _hole_numbers(shape, recipe) * tokens * width


def _hole_numbers(shape: Shape, recipe: Recipe) -> float:
    """Return the numbers of one layer and token that die at once and still take room in the heap.

    These are the results of the linear layers, and of an adapted one its update, plain and scaled. PyTorch
    asks glibc for aligned memory, for which glibc needs a little more room than asked: many a hole that a
    temporary leaves does not fit the next one of its size. Recomputing leaves as many.
    """
    adapted = sum(shape.targets[name][1] for name in recipe.targets if name in shape.targets and recipe.rank)
    return _HOLES * (sum(outputs for _, outputs in shape.targets.values()) + 2 * adapted)


def operations(config: Mapping[str, Any], recipe: Recipe, trained: int, validated: int) -> float:
    """Return the floating-point operations of training over and of scoring so many tokens."""
    shape = Shape.of(config)
    learnt = trained_weights(shape, recipe)
    added = learnt if recipe.rank else 0
    attention = 2 * shape.layers * shape.query * recipe.sequence_length
    forward = 2 * (shape.block_weights + shape.vocabulary * shape.hidden + added) + attention
    passes = 3 if recipe.checkpointing else 2
    return trained * (passes * forward + 2 * learnt) + validated * forward
