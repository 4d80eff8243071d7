"""The training loss: each token's cross-entropy times its example's weight, never with all logits at once.

Shapes: R rows, T tokens of a row, N tokens that carry loss, H hidden size, V vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from inhouse.training.packing import IGNORED

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["LOGITS_AT_ONCE", "has_plain_head", "linear_cross_entropy", "weighted_loss"]

LOGITS_AT_ONCE = 1 << 24
"""Logits that are held at the same time: 64 MiB in float32."""

_LOGIT_CHANGES = (
    "final_logit_softcapping", "logit_scale", "logits_scaling", "lm_head_multiplier", "output_multiplier",
)  # fmt: skip


def weighted_loss(model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the weighted sum of the losses of a batch's tokens, as made by `packing.collate`.

    `model` is the base with its adapter inside. TRL's own head runs twice over the vocabulary in the backward
    pass and over tokens without loss; where the model has nothing between its hidden states and its logits
    but one matrix, that is saved.
    """
    inputs = {"input_ids": batch["input_ids"], "position_ids": batch["position_ids"], "use_cache": False}
    targets, weights = batch["labels"][:, 1:], batch["weights"][:, 1:]
    if not has_plain_head(model):
        per_token = model(**inputs, labels=batch["labels"], fused_lm_head=True).log_probs  # (R, T-1)
        return -(per_token * weights).sum()
    hidden = model.base_model(**inputs).last_hidden_state[:, :-1]  # (R, T-1, H)
    carries = targets != IGNORED
    head = model.get_output_embeddings()
    return linear_cross_entropy(hidden[carries], head.weight, targets[carries], weights[carries])


def has_plain_head(model: PreTrainedModel) -> bool:
    """Return whether the logits are the hidden states times one frozen matrix."""
    head = model.get_output_embeddings()
    head = getattr(head, "original_module", head)  # where new tokens are trained, tied to the embeddings
    config = model.config.get_text_config()
    changes = [getattr(config, name, None) for name in _LOGIT_CHANGES]
    return (
        type(head) is torch.nn.Linear
        and head.bias is None
        and not head.weight.requires_grad
        and all(change is None or change == 1.0 for change in changes)
    )


def linear_cross_entropy(
    hidden: torch.Tensor, head: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """Return ``sum(weights * cross_entropy(hidden @ head.T, targets))`` for hidden (N, H) and head (V, H).

    The gradient is computed in the forward pass, chunk by chunk, as Liger does (Hsu et al. 2024,
    https://arxiv.org/abs/2410.10989): two products with the head in all, and one chunk of logits in memory.
    """
    return _LinearCrossEntropy.apply(hidden, head, targets, weights)


class _LinearCrossEntropy(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, head: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        gradient = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        size = max(1, LOGITS_AT_ONCE // head.shape[0])
        for start in range(0, len(hidden), size):
            part = slice(start, start + size)
            logits = (hidden[part] @ head.T).float()  # (chunk, V)
            chosen = logits.gather(-1, targets[part, None])
            largest = logits.amax(-1, keepdim=True)
            logits.sub_(largest).exp_()
            normaliser = logits.sum(-1, keepdim=True)
            total += ((normaliser.log() + largest - chosen).squeeze(-1) * weights[part]).sum()
            if gradient is not None:  # of the logits: (probability - 1 for the target) * weight
                logits.mul_(weights[part, None] / normaliser)
                logits.scatter_add_(-1, targets[part, None], -weights[part, None])
                gradient[part] = logits.to(head.dtype) @ head
        ctx.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(ctx: Any, scale: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * scale.to(gradient.dtype), None, None, None
