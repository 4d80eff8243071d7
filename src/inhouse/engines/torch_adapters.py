"""LoRA adapters on a base model in memory: checked before they touch it, switched by name.

PEFT puts the low-rank updates beside the base weights, so that one copy of the base serves all adapters.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open

from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from pathlib import Path

    from peft import PeftConfig, PeftModel

__all__ = ["Adapters"]

_WEIGHTS = "adapter_model.safetensors"
_LEAVES_BASE_ALONE = (True, False, "gaussian", "orthogonal", "eva")


class Adapters:
    """The adapters of one model. Not safe in several threads: the engine holds its lock."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._peft: PeftModel | None = None
        self._keys: dict[str, str] = {}  # PEFT forbids dots in names, so it gets names of its own
        self._numbers = itertools.count()
        self._active: str | None = None  # None until it is known what the layers are set to

    def __contains__(self, name: str) -> bool:
        return name in self._keys

    def load(self, name: str, folder: Path) -> bool:
        """Put an adapter beside the base weights; return whether its update is other than zero.

        Raises UserMistake unless it is a LoRA adapter in safetensors that fits this base model exactly.
        """
        from peft import PeftModel

        if not name or name in self._keys:
            raise UserMistake("an adapter needs a name that is not in use", repr(name), "choose another name")
        config = _read_config(folder)
        shapes, not_zero = _read_weights(folder)
        _check_fit(shapes, config, self._model, folder)
        key = f"adapter{next(self._numbers)}"
        options = {"adapter_name": key, "is_trainable": False, "torch_device": str(self._model.device)}
        if self._peft is None:
            self._peft = PeftModel.from_pretrained(self._model, str(folder), **options)
        else:
            self._peft.load_adapter(str(folder), **options)
        self._model.eval()
        self._keys[name] = key
        self._active = None
        return not_zero

    def unload(self, name: str) -> None:
        """Take an adapter away again."""
        key = self._keys.pop(name)
        if self._peft is not None:
            self._peft.delete_adapter(key)
        self._active = None

    def activate(self, name: str) -> None:
        """Make the model answer with an adapter, or with none."""
        if self._peft is None or self._active == name:
            return
        if name:
            self._peft.base_model.enable_adapter_layers()
            self._peft.set_adapter(self._keys[name])
        else:
            self._peft.base_model.disable_adapter_layers()
        self._active = name


def _read_config(folder: Path) -> PeftConfig:
    from peft import PeftConfig

    for name in ("adapter_config.json", _WEIGHTS):
        if not (folder / name).is_file():
            raise UserMistake(
                f"an adapter folder needs {name}", str(folder), "save the adapter there, in safetensors"
            )
    try:
        config = PeftConfig.from_pretrained(str(folder))
    except (ValueError, TypeError, KeyError) as error:
        raise UserMistake("an adapter's configuration must be PEFT's", f"{folder}: {error}", "") from None
    if config.peft_type != "LORA":
        raise _unfit(folder, f"its method is {config.peft_type.value}, and this engine knows LORA")
    if config.init_lora_weights not in _LEAVES_BASE_ALONE:
        raise _unfit(folder, f"its starting point {config.init_lora_weights} changes the base weights")
    return config


def _read_weights(folder: Path) -> tuple[dict[str, tuple[int, ...]], bool]:
    """Return the shapes by name, and whether the update is other than zero (B is what starts at zero)."""
    shapes = {}
    not_zero = False
    try:
        with safe_open(folder / _WEIGHTS, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 - not a mapping
                tensor = file.get_tensor(name)
                shapes[name] = tuple(tensor.shape)
                not_zero |= ".lora_A." not in name and bool(tensor.any())
    except SafetensorError:
        raise UserMistake(
            "the file of an adapter is damaged", str(folder / _WEIGHTS), "copy it again"
        ) from None
    return shapes, not_zero


def _check_fit(shapes: dict[str, tuple[int, ...]], config: PeftConfig, model: Any, folder: Path) -> None:
    """Compare with the same adapter on a copy of the base model that has shapes and no memory."""
    from peft import get_peft_model, get_peft_model_state_dict
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        copy = AutoModelForCausalLM.from_config(model.config)
        try:
            wanted = get_peft_model_state_dict(get_peft_model(copy, config))
        except ValueError as error:  # its target modules are not there
            raise _unfit(folder, str(error)) from None
    expected = {name: tuple(tensor.shape) for name, tensor in wanted.items()}
    wrong = sorted(name for name, _ in shapes.items() ^ expected.items())
    if wrong:
        given, fitting = shapes.get(wrong[0], "absent"), expected.get(wrong[0], "absent")
        raise _unfit(folder, f"{wrong[0]} is {given} where the base wants {fitting}")


def _unfit(folder: Path, reason: str) -> UserMistake:
    return UserMistake(
        "an adapter must fit the base model", f"{folder}: {reason}", "use the base that it was trained on"
    )
