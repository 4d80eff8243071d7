"""Noise on the embeddings of the training tokens (NEFTune, Jain et al. 2023, https://arxiv.org/abs/2310.05914).

Uniform in ±alpha / sqrt(L D), where D is the hidden size and L the length of the *document*, not of the
packed row that it shares with others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["add_noise", "document_lengths"]


def add_noise(base: PreTrainedModel, alpha: float) -> None:
    """Make every training pass of `base` see noisy embeddings; validation is left alone."""

    def before(
        module: Any, arguments: tuple[Any, ...], inputs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        if not module.training or inputs.get("input_ids") is None:
            return None
        embeddings = base.get_input_embeddings()(inputs["input_ids"])  # (R, T, D)
        lengths = document_lengths(inputs["position_ids"])[..., None]
        bound = alpha / (lengths * embeddings.shape[-1]).sqrt()
        noise = (2 * torch.rand_like(embeddings) - 1) * bound.to(embeddings.dtype)
        return arguments, inputs | {"input_ids": None, "inputs_embeds": embeddings + noise}

    base.base_model.register_forward_pre_hook(before, with_kwargs=True)


def document_lengths(positions: torch.Tensor) -> torch.Tensor:
    """Return for every token the length of its document; positions (R, T) restart at each."""
    documents = (positions == 0).cumsum(1)
    counts = torch.zeros_like(positions).new_zeros(len(positions), int(documents.max()) + 1)
    counts.scatter_add_(1, documents, torch.ones_like(documents))
    return counts.gather(1, documents)
