"""Methods that train what stands before the text, and no weight of the base: prefix, prompt and p-tuning.

All three come down to keys and values of virtual tokens that every document of a packed row may read. Rows
stay packed; what one document sees of another stays nothing:

    columns     p0 p1 | a0 a1 a2 | b0 b1
    row of a1    x  x |  x  x  . |  .  .
    row of b0    x  x |  .  .  . |  x  .

Positions of a document begin after the virtual tokens, as they do where the adapter is served.
Shapes: R rows, T positions, P virtual tokens, L layers, D hidden size.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from inhouse.engines.torch_prefix import filled_cache, virtual_tokens
from inhouse.errors import UserMistake
from inhouse.training.method import Choice, Method
from inhouse.training.tuned import PeftTuned, trained_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import torch
    from transformers import PreTrainedModel

    from inhouse.records import Recipe
    from inhouse.training.method import Choices

__all__ = ["PromptTuned", "packed_mask", "prompt_choices", "prompt_method"]


def prompt_method(
    name: str,
    line: str,
    config: Callable[[int], Any],
    start: Callable[[Any, torch.Tensor], None],
    defaults: Callable[[Mapping[str, Any], Recipe], Choices],
) -> Method:
    """Declare a method by PEFT's configuration of P virtual tokens, and how they begin.

    `start(model, ids)` sets the first values from P token ids, drawn by the recipe's seed.
    """
    prepare = partial(_prepare, config=config, start=start)
    return Method(name, line, prepare, frozenset({"virtual_tokens"}), defaults, recomputes=False)


class PromptTuned(PeftTuned):
    """Virtual tokens before every document."""

    resumes_from_export = False  # p-tuning is written without its encoder

    def __init__(self, model: Any, base: PreTrainedModel) -> None:
        super().__init__(model, base)
        self._on = True
        for weight in trained_parameters(model).values():
            weight.data = weight.data.float()
        base.base_model.register_forward_pre_hook(self._before, with_kwargs=True)

    @contextmanager
    def as_base(self) -> Iterator[None]:
        """Leave the virtual tokens out: they change the answers from the first."""
        self._on = False
        try:
            yield
        finally:
            self._on = True

    def _before(
        self, _module: Any, arguments: tuple[Any, ...], inputs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """Add the virtual tokens to a call of the base without its head."""
        import torch

        if not self._on or inputs.get("past_key_values") is not None:
            return None
        config, encoder = self.model.active_peft_config, self.model.prompt_encoder["default"]
        values = encoder(torch.arange(config.num_virtual_tokens, device=self.base.device)[None])[0]
        positions = inputs["position_ids"]  # (R, T)
        pairs = virtual_tokens(self.base, str(config.peft_type.value), values)
        mask = packed_mask(positions, config.num_virtual_tokens, pairs[0][0].dtype)
        cache = filled_cache(self.base, pairs, positions.shape[0])
        added = {"past_key_values": cache, "attention_mask": mask}
        return arguments, inputs | added | {"position_ids": positions + config.num_virtual_tokens}


def packed_mask(positions: torch.Tensor, virtual: int, dtype: torch.dtype) -> torch.Tensor:
    """Return the mask drawn above, (R, 1, T, P + T), to be added; positions (R, T) restart at documents."""
    import torch

    documents = (positions == 0).cumsum(1)
    same = documents[:, :, None] == documents[:, None, :]
    before = torch.ones(same.shape[1:], dtype=torch.bool, device=same.device).tril()
    seen = torch.nn.functional.pad(same & before, (virtual, 0), value=True)
    hidden = torch.finfo(dtype).min
    return torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill(~seen, hidden)[:, None]


def prompt_choices(rate: float, why: str) -> Callable[[Mapping[str, Any], Recipe], Choices]:
    """Return the defaults of a method with virtual tokens."""
    choices = {
        "virtual_tokens": Choice(20, "what the papers use for generation; every one shortens the window"),
        "learning_rate": Choice(rate, why),
        "checkpointing": Choice(False, "virtual tokens are keys and values that recomputing would drop"),
    }
    return lambda _config, _recipe: choices


def _prepare(
    base: PreTrainedModel,
    recipe: Recipe,
    _steps: int,
    *,
    config: Callable[[int], Any],
    start: Callable[[Any, torch.Tensor], None],
) -> PromptTuned:
    import torch
    from peft import get_peft_model

    if recipe.checkpointing:
        raise UserMistake(
            "virtual tokens cannot be trained with recomputed activations: transformers drops them",
            recipe.method,
            "choose another method, or a shorter training.sequence_length",
        )
    if recipe.virtual_tokens < 1:
        raise UserMistake("at least one virtual token is needed", "0", "set training.virtual_tokens")
    model = get_peft_model(base, config(recipe.virtual_tokens))
    generator = torch.Generator().manual_seed(recipe.seed)
    size = base.get_input_embeddings().weight.shape[0]
    with torch.no_grad():
        start(model, torch.randint(size, (recipe.virtual_tokens,), generator=generator))
    return PromptTuned(model, base)
