"""How much memory serving takes: weights, adapters, keys and values of all requests, the work of one pass.

Keys and values: 2 LK numbers for each token of context of each request, two bytes each (symbols: `shapes`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from inhouse.errors import UserMistake
from inhouse.planning.memory import NF4_BYTES
from inhouse.planning.shapes import Shape

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PRECISIONS", "ServingEstimate", "estimate_serving"]

PRECISIONS: dict[str, tuple[float, float]] = {
    "float32": (4, 4),
    "bfloat16": (2, 2),
    "int8": (1 + 2 / 128, 2),
    "nf4": (NF4_BYTES, 2),
    "q8_0": (34 / 32, 34 / 32),
    "q4_1": (20 / 32, 20 / 32),
    "q4_k_m": (4.85 / 8, 4.85 / 8),
}
"""Bytes of a weight in a block, and of one in embeddings and head, scales included."""

_KEY_BYTES = 2
_PREFILL = 512  # tokens of prompts that are read in one pass


@dataclass(frozen=True, slots=True)
class ServingEstimate:
    """Bytes, by use."""

    weights: int
    adapters: int
    keys_and_values: int
    workspace: int

    @property
    def total(self) -> int:
        """Return the sum of all."""
        return sum(asdict(self).values())

    def as_json(self) -> dict[str, int]:
        """Return the parts and their sum."""
        return {**asdict(self), "total_bytes": self.total}


def estimate_serving(
    config: Mapping[str, Any],
    precision: str,
    *,
    context: int,
    requests: int,
    adapters: int = 0,
    rank: int = 32,
) -> ServingEstimate:
    """Estimate serving `requests` at once, each with up to `context` tokens, with `adapters` in memory.

    Raises UserMistake for a precision that is not in the table.
    """
    if precision not in PRECISIONS:
        raise UserMistake(
            "weights are served at a known precision", precision, f"choose one of {', '.join(PRECISIONS)}"
        )
    shape = Shape.of(config)
    block, embedding = PRECISIONS[precision]
    sides = sum(inputs + outputs for inputs, outputs in shape.targets.values())
    numbers = _PREFILL * (shape.hidden + shape.query + 3 * shape.intermediate) + requests * shape.vocabulary
    return ServingEstimate(
        weights=round(shape.block_weights * block + shape.embedding_weights * embedding),
        adapters=adapters * rank * shape.layers * sides * _KEY_BYTES,
        keys_and_values=2 * shape.layers * shape.key * _KEY_BYTES * context * requests,
        workspace=4 * numbers,
    )
