"""AdaLoRA, Zhang et al. 2023, https://arxiv.org/abs/2303.10512: rank moves to the layers that need it.

PEFT adds the orthogonality term to a loss that our trainer never asks for, and TRL never re-allocates: both
are done here. What is written is a plain low-rank update, each layer with the rank that it was left.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from inhouse.training.layers import check_names, check_rank, linear_sizes
from inhouse.training.method import Choice, Method
from inhouse.training.tuned import PeftTuned, trained_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from transformers import PreTrainedModel

    from inhouse.records import Recipe
    from inhouse.training.method import Choices

_SURPLUS = 1.5  # ranks at the start, for each in the end: the paper's
_AVERAGES = ("ipt", "exp_avg_ipt", "exp_avg_unc")  # what PEFT's allocator remembers between steps


class AdaLora(PeftTuned):
    """P diag(E) Q in every target, P and Q kept near orthogonal, entries of E struck out as it trains."""

    resumes_from_export = False

    def __init__(self, model: Any, base: PreTrainedModel) -> None:
        super().__init__(model, base)
        for _, layer in self._layers():  # PEFT frees it again where it casts to float32
            layer.ranknum["default"].requires_grad_(False)

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return B = P diag(E) and A = Q of what was left, the scale included."""
        found = {}
        for path, layer in self._layers():
            kept, scale = _kept(layer), layer.scaling["default"] / (float(layer.ranknum["default"]) + 1e-5)
            values = layer.lora_E["default"].detach()[kept]  # (rank, 1)
            found[f"base_model.model.{path}.lora_A.weight"] = layer.lora_A["default"].detach()[kept]
            found[f"base_model.model.{path}.lora_B.weight"] = (
                layer.lora_B["default"].detach()[:, kept] * values.T * scale
            )
        return found

    def settings(self, base_name: str) -> dict[str, Any]:
        """Return the settings of a LoRA whose ranks differ from layer to layer."""
        from peft import LoraConfig

        ranks = {path: len(_kept(layer)) for path, layer in self._layers()}
        own = self.model.peft_config["default"]
        plain = LoraConfig(
            r=max(ranks.values()),
            lora_alpha=max(ranks.values()),
            rank_pattern=ranks,
            alpha_pattern=ranks,  # alpha / rank is 1: the scale is in the weights
            target_modules=sorted(own.target_modules),
            lora_dropout=own.lora_dropout,
            task_type="CAUSAL_LM",
            base_model_name_or_path=base_name,
            inference_mode=True,
        ).to_dict()
        return {key: sorted(value) if isinstance(value, set) else value for key, value in plain.items()}

    def state(self) -> dict[str, torch.Tensor]:
        """Return what is trained, the allocator's averages, and the pattern of what was struck out."""
        import torch

        allocator = self.model.base_model.rankallocator
        averages = {
            f"{kind}:{name}": value for kind in _AVERAGES for name, value in getattr(allocator, kind).items()
        }
        pattern = self.model.peft_config["default"].rank_pattern or {}
        struck = {f"pattern:{name}": torch.tensor(flags) for name, flags in pattern.items()}
        return super().state() | averages | struck

    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """Take what `state` gave."""
        super().restore({name: value for name, value in state.items() if ":" not in name})
        allocator = self.model.base_model.rankallocator
        for kind in _AVERAGES:
            values = {
                name.partition(":")[2]: value for name, value in state.items() if name.startswith(f"{kind}:")
            }
            getattr(allocator, kind).update(
                {name: value.to(self.base.device) for name, value in values.items()}
            )
        pattern = {name[8:]: value.tolist() for name, value in state.items() if name.startswith("pattern:")}
        self.model.peft_config["default"].rank_pattern = pattern or None

    def penalty(self) -> torch.Tensor:
        """Return the mean distance of P'P and QQ' from the identity, weighted (the paper's equation 4)."""
        import torch

        terms = []
        for name, weight in trained_parameters(self.model).items():
            if ".lora_E." not in name:
                product = weight @ weight.T if ".lora_A." in name else weight.T @ weight
                terms.append(torch.linalg.norm(product - torch.eye(len(product), device=product.device)))
        weight = float(self.model.peft_config["default"].orth_reg_weight)
        return weight * torch.stack(terms).mean()

    def after_step(self, step: int) -> None:
        """Update the importance of every entry; strike out the least important ones when it is time."""
        self.model.base_model.update_and_allocate(step)

    def _layers(self) -> list[tuple[str, Any]]:
        named = self.model.base_model.model.named_modules()
        return [(path, module) for path, module in named if hasattr(module, "lora_E")]


def _kept(layer: Any) -> list[int]:
    """Return the entries that were not struck out; the first where none is left, since a rank is positive."""
    kept: list[int] = layer.lora_E["default"].detach().flatten().nonzero().flatten().tolist()
    return kept or [0]


def _prepare(base: PreTrainedModel, recipe: Recipe, steps: int) -> AdaLora:
    from peft import AdaLoraConfig, get_peft_model

    sizes = linear_sizes(base)
    check_names(recipe.targets, base, sizes, "linear layers")
    start = math.ceil(_SURPLUS * recipe.rank)
    check_rank(start, recipe, sizes, f" (AdaLoRA begins with half as much again as {recipe.rank})")
    warmup, rest = steps // 6, steps // 3
    config = AdaLoraConfig(
        init_r=start,
        target_r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=sorted(recipe.targets),
        tinit=warmup,
        tfinal=rest,
        deltaT=max(1, (steps - warmup - rest) // 10),
        total_step=steps,
        task_type="CAUSAL_LM",
    )
    return AdaLora(get_peft_model(base, config), base)


def _defaults(_config: Mapping[str, Any], _recipe: Recipe) -> Choices:
    return {
        "learning_rate": Choice(1e-2, "its diagonal begins at zero, and few steps lie ahead: a high rate")
    }


METHOD = Method(
    "adalora",
    "LoRA that moves its rank to the layers that need it while it trains: for long trainings",
    _prepare,
    frozenset({"rank", "alpha", "targets", "dropout"}),
    _defaults,
)
