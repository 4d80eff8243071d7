"""The family of low-rank updates: LoRA and what was made of it.

LoRA: Hu et al. 2021, https://arxiv.org/abs/2106.09685. The base stays frozen, embeddings and norms included.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from inhouse.training.layers import check_names, check_rank, linear_sizes
from inhouse.training.method import Choice, Method
from inhouse.training.tuned import PeftTuned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch
    from peft import LoraConfig
    from transformers import PreTrainedModel

    from inhouse.records import Recipe
    from inhouse.training.method import Choices

__all__ = ["WarmStart", "lora_config", "low_rank", "warm_start_choices"]

_USES = frozenset({"rank", "alpha", "targets", "dropout", "rate_ratio"})


def low_rank(
    name: str,
    line: str,
    *,
    defaults: Callable[[Mapping[str, Any], Recipe], Choices],
    uses: frozenset[str] = frozenset(),
    tuned: type[PeftTuned] = PeftTuned,
    **settings: Any,
) -> Method:
    """Declare a low-rank method by what it sets in PEFT's LoraConfig."""
    prepare = partial(_prepare, tuned=tuned, settings=settings)
    plain = frozenset({"new_tokens"}) if tuned is PeftTuned else frozenset()
    return Method(name, line, prepare, _USES | uses | plain, defaults)


def lora_config(base: PreTrainedModel, recipe: Recipe, **settings: Any) -> LoraConfig:
    """Return PEFT's settings for a recipe. Raises UserMistake for targets or a rank the base cannot have."""
    from peft import LoraConfig

    sizes = linear_sizes(base)
    check_names(recipe.targets, base, sizes, "linear layers")
    check_rank(recipe.rank, recipe, sizes)
    return LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=sorted(recipe.targets),
        trainable_token_indices=list(recipe.new_tokens) or None,
        bias="none",
        task_type="CAUSAL_LM",
        **settings,
    )


class WarmStart(PeftTuned):
    """An update that begins as a part of the weights, which the base is relieved of.

    It is written for the original base: the trained product minus the one at the start, side by side, is a
    low-rank update of twice the rank (W - B0 A0 + B A = W + [B, -B0] [A; A0]).
    """

    resumes_from_export = False

    def __init__(self, model: Any, base: PreTrainedModel) -> None:
        super().__init__(model, base)
        self._start = {name: tensor.clone() for name, tensor in super().tensors().items()}

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return the update of the original base."""
        now = super().tensors()
        return {name: _beside(name, tensor, self._start[name]) for name, tensor in now.items()}

    def settings(self, base_name: str) -> dict[str, Any]:
        """Return the settings of a plain update: rank and alpha doubled, so that the scale stays."""
        plain = super().settings(base_name)
        doubled = {"r": 2 * plain["r"], "lora_alpha": 2 * plain["lora_alpha"]}
        return plain | doubled | {"init_lora_weights": True}


def warm_start_choices(_config: Mapping[str, Any], recipe: Recipe) -> Choices:
    """Return what PiSSA's paper trains with."""
    return {
        "alpha": Choice(recipe.rank, "the rank: the update is a part of the weights, at its own scale"),
        "learning_rate": Choice(
            5e-5, "that of full training: the update begins as large as the weights that it was taken from"
        ),
    }


def _beside(name: str, now: torch.Tensor, start: torch.Tensor) -> torch.Tensor:
    import torch

    start = start.to(now.device)
    return torch.cat([now, start], 0) if ".lora_A." in name else torch.cat([now, -start], 1)


def _prepare(
    base: PreTrainedModel, recipe: Recipe, _steps: int, *, tuned: type[PeftTuned], settings: dict[str, Any]
) -> PeftTuned:
    from peft import get_peft_model

    model = get_peft_model(base, lora_config(base, recipe, **settings))
    if recipe.new_tokens:
        _begin_new_tokens(base, recipe.seed)
    return tuned(model, base)


def _begin_new_tokens(base: PreTrainedModel, seed: int) -> None:
    """Let new tokens begin as the average of all others, told apart by noise as wide as these are spread.

    What they were before is the same for all that no training ever touched. Hewitt 2021, "Initializing new
    word embeddings for pretrained language models" (https://nlp.stanford.edu/~johnhew/vocab-expansion.html).
    """
    import torch

    layer = base.get_input_embeddings().token_adapter
    table = layer.base_layer.weight.detach().float()  # (vocabulary, hidden)
    rows = layer.trainable_tokens_delta["default"]
    noise = torch.randn(rows.shape, generator=torch.Generator().manual_seed(seed)).to(table.device)
    rows.data = (table.mean(0) + table.std(0) * noise).to(rows.dtype)
