"""A base model made ready for training: what is trained, how it is written, and how it is read back.

An adapter is written as two files, whatever the method:

    adapter_model.safetensors   the trained weights
    adapter_config.json         PEFT's settings, or {"format": "changed_weights", ...}

Where the training cannot go on from these alone (a warm start is written for the original base, p-tuning
without its encoder), a checkpoint holds `trained.safetensors` beside them.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch
    from transformers import PreTrainedModel

__all__ = ["ChangedWeights", "PeftTuned", "Tuned", "trained_parameters"]

_DEFAULT = "default"  # PEFT's name of the only adapter


class Tuned:
    """The common part. `model` is what the trainer moves, saves nothing of, and switches to training."""

    resumes_from_export = True

    def __init__(self, model: Any, base: PreTrainedModel) -> None:
        self.model = model
        self.base = base
        if not trained_parameters(model):
            raise UserMistake(
                "training needs at least one parameter that is trained",
                "the recipe freezes them all",
                "name other layers in training.targets",
            )

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return the weights of the adapter, as they are served."""
        raise NotImplementedError

    def settings(self, base_name: str) -> dict[str, Any]:
        """Return the adapter's configuration as plain values; equal adapters give equal ones."""
        raise NotImplementedError

    def put_back(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take the weights that `tensors` gave."""
        raise NotImplementedError

    def state(self) -> dict[str, torch.Tensor]:
        """Return everything trained, for methods whose export does not hold it."""
        return {name: weight.detach() for name, weight in trained_parameters(self.model).items()}

    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """Take what `state` gave."""
        import torch

        with torch.no_grad():
            for name, weight in trained_parameters(self.model).items():
                weight.copy_(state[name])

    def penalty(self) -> torch.Tensor | None:
        """Return a term to add to the loss of every step, or None."""
        return None

    def after_step(self, step: int) -> None:
        """Act after an optimizer step, counted from 1, before the gradients are cleared."""

    @contextmanager
    def as_base(self) -> Iterator[None]:
        """Make the model that has not been trained yet answer as the base does: most methods begin there."""
        yield


class PeftTuned(Tuned):
    """An adapter that PEFT puts into the model."""

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return the adapter in PEFT's names."""
        from peft import get_peft_model_state_dict

        return dict(get_peft_model_state_dict(self.model, save_embedding_layers=False))

    def settings(self, base_name: str) -> dict[str, Any]:
        """Return PEFT's configuration, sets sorted."""
        settings: dict[str, Any] = self.model.peft_config[_DEFAULT].to_dict()
        settings |= {"base_model_name_or_path": base_name, "inference_mode": True}
        return {key: sorted(value) if isinstance(value, set) else value for key, value in settings.items()}

    def put_back(self, tensors: dict[str, torch.Tensor]) -> None:
        """Put written weights back into the same adapter."""
        from peft import set_peft_model_state_dict

        set_peft_model_state_dict(self.model, tensors)


class ChangedWeights(Tuned):
    """Weights of the base itself: those whose name `chosen` accepts, all others frozen.

    Trained weights are kept in float32 whatever the base's precision: bfloat16 would lose small updates.
    """

    def __init__(
        self, base: PreTrainedModel, method: str, chosen: Callable[[str], bool], *, unties: bool = False
    ) -> None:
        self.method = method
        self.unties = unties
        for name, weight in base.named_parameters():
            weight.requires_grad_(chosen(name))
            if weight.requires_grad:
                weight.data = weight.data.float()
        super().__init__(base, base)

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return the changed weights by their names in the base."""
        return self.state()

    def settings(self, base_name: str) -> dict[str, Any]:
        """Return what the engine needs to know: shared weights change together unless the head was untied."""
        return {
            "format": "changed_weights",
            "method": self.method,
            "base_model_name_or_path": base_name,
            "unties_head": self.unties,
        }

    def put_back(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take changed weights again."""
        self.restore(tensors)


def trained_parameters(model: Any) -> dict[str, torch.Tensor]:
    """Return the parameters that are trained, by name."""
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
