"""Adapters on a base model in memory: checked before they touch it, switched by name.

One copy of the base serves all adapters. Low-rank updates stand beside its weights (PEFT), the factors of
IA3 are multiplied on the way, virtual tokens come before the text, and changed weights take the places of the
base's as long as their adapter answers.
"""

from __future__ import annotations

import itertools
import json
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from inhouse.engines.torch_kinds import ChangedWeights, Factors, TokenRows, VirtualTokens
from inhouse.engines.torch_prefix import filled_cache, key_size
from inhouse.errors import UserMistake

if TYPE_CHECKING:
    from collections.abc import Iterator

    from peft import PeftConfig, PeftModel

    from inhouse.engines.torch_prefix import Pairs

__all__ = ["Adapters"]

_CONFIG = "adapter_config.json"
_WEIGHTS = "adapter_model.safetensors"
_LEAVES_BASE_ALONE = (True, False, "gaussian", "orthogonal", "eva")
_ROWS = ".token_adapter.trainable_tokens_delta"  # embeddings of tokens that got a meaning
_VIRTUAL = ("PREFIX_TUNING", "PROMPT_TUNING", "P_TUNING")

Tensors = dict[str, torch.Tensor]


class _Loaded(Protocol):
    """An adapter that can be switched on and off."""

    def on(self) -> None:
        """Make the model answer with it."""

    def off(self) -> None:
        """Make the model answer without it, exactly as before."""

    def remove(self) -> None:
        """Free what it holds; it is off."""


class Adapters:
    """The adapters of one model. Not safe in several threads: the engine holds its lock."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._modules = dict(model.named_modules())  # PEFT renames them later, and keeps the objects
        self._low_rank = _LowRank(model)
        self._loaded: dict[str, _Loaded] = {}
        self._active = ""

    def __contains__(self, name: str) -> bool:
        return name in self._loaded

    def load(self, name: str, folder: Path) -> bool:
        """Put an adapter beside the base weights; return whether it does anything by its own account.

        Raises UserMistake unless it is an adapter in safetensors that fits this base model exactly.
        """
        if not name or name in self._loaded:
            raise UserMistake("an adapter needs a name that is not in use", repr(name), "choose another name")
        self.activate("")
        settings, tensors = _read_settings(folder), _read_weights(folder)
        if settings.get("format") == "changed_weights":
            weights = ChangedWeights(self._modules, tensors, bool(settings.get("unties_head")))
            if weights.unfit:
                raise _unfit(folder, weights.unfit)
            self._loaded[name] = weights
            return weights.changes
        self._loaded[name], not_zero = self._load_peft(_peft_config(folder), tensors, folder)
        self._model.eval()
        return not_zero

    def unload(self, name: str) -> None:
        """Take an adapter away again."""
        self.activate("")
        self._loaded.pop(name).remove()

    def activate(self, name: str) -> None:
        """Make the model answer with an adapter, or with none."""
        if self._active == name:
            return
        if self._active:
            self._loaded[self._active].off()
        if name:
            self._loaded[name].on()
        self._active = name

    def virtual(self, name: str) -> int:
        """Return how many positions of the window an adapter takes for virtual tokens."""
        loaded = self._loaded.get(name)
        return loaded.count if isinstance(loaded, VirtualTokens) else 0

    def prefix(self) -> Pairs:
        """Return keys and values of the active adapter's virtual tokens, one pair a layer; often none."""
        loaded = self._loaded.get(self._active)
        return loaded.pairs if isinstance(loaded, VirtualTokens) else []

    def cache(self, rows: int) -> Any:
        """Return a cache that begins with the active adapter's virtual tokens, or None where it has none."""
        pairs = self.prefix()
        return filled_cache(self._model, pairs, rows) if pairs else None

    def _load_peft(self, config: PeftConfig, tensors: Tensors, folder: Path) -> tuple[_Loaded, bool]:
        kind = str(config.peft_type.value)
        if kind in _VIRTUAL:
            values = _virtual_values(tensors, kind, self._model, folder)
            return VirtualTokens(self._model, kind, values), True
        _check_fit(tensors, config, self._model, folder)
        if kind == "IA3":
            return Factors(self._modules, tensors, config), any(
                bool((each != 1).any()) for each in tensors.values()
            )
        not_zero = any(
            bool(tensor.any())
            for name, tensor in tensors.items()
            if not any(part in name for part in (".lora_A.", "magnitude", "trainable_tokens"))
        )
        rows = next((tensor for name, tensor in tensors.items() if name.endswith(_ROWS)), None)
        if rows is None:
            return self._low_rank.load(folder), not_zero
        embeddings = self._model.get_input_embeddings()
        tokens = getattr(config, "trainable_token_indices", None)
        if not isinstance(tokens, list) or not all(0 <= id_ < len(embeddings.weight) for id_ in tokens):
            raise _unfit(folder, f"it has embeddings for the tokens {tokens}")
        with _without_rows(folder, tensors) as plain:
            update = self._low_rank.load(plain)
        return _Together(update, TokenRows(embeddings, tokens, rows)), not_zero


class _Together:
    """Two parts of one adapter."""

    def __init__(self, *parts: _Loaded) -> None:
        self._parts = parts

    def on(self) -> None:
        for part in self._parts:
            part.on()

    def off(self) -> None:
        for part in self._parts:
            part.off()

    def remove(self) -> None:
        for part in self._parts:
            part.remove()


class _LowRank:
    """Low-rank updates of one model, kept by PEFT."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._peft: PeftModel | None = None
        self._numbers = itertools.count()

    def load(self, folder: Path) -> _LowRankAdapter:
        """Put an adapter beside the base, switched off. PEFT forbids dots in names: it gets its own."""
        from peft import PeftModel

        key = f"adapter{next(self._numbers)}"
        options = {"adapter_name": key, "is_trainable": False, "torch_device": str(self._model.device)}
        if self._peft is None:
            self._peft = PeftModel.from_pretrained(self._model, str(folder), **options)
        else:
            self._peft.load_adapter(str(folder), **options)
        self._peft.base_model.disable_adapter_layers()
        return _LowRankAdapter(self._peft, key)


class _LowRankAdapter:
    def __init__(self, peft: PeftModel, key: str) -> None:
        self._peft = peft
        self._key = key

    def on(self) -> None:
        self._peft.base_model.enable_adapter_layers()
        self._peft.set_adapter(self._key)

    def off(self) -> None:
        self._peft.base_model.disable_adapter_layers()

    def remove(self) -> None:
        self._peft.delete_adapter(self._key)
        self._peft.base_model.disable_adapter_layers()


def _read_settings(folder: Path) -> dict[str, Any]:
    for name in (_CONFIG, _WEIGHTS):
        if not (folder / name).is_file():
            raise UserMistake(
                f"an adapter folder needs {name}", str(folder), "save the adapter there, in safetensors"
            )
    try:
        settings = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
    except ValueError as error:
        raise _damaged_settings(folder, error) from None
    return settings if isinstance(settings, dict) else {}


def _peft_config(folder: Path) -> PeftConfig:
    from peft import PeftConfig

    try:
        config = PeftConfig.from_pretrained(str(folder))
    except (ValueError, TypeError, KeyError) as error:
        raise _damaged_settings(folder, error) from None
    if config.peft_type not in ("LORA", "IA3", *_VIRTUAL):
        known = "LORA, IA3, PREFIX_TUNING, PROMPT_TUNING, P_TUNING and changed weights"
        raise _unfit(folder, f"its method is {config.peft_type.value}, and this engine knows {known}")
    if config.peft_type == "LORA" and config.init_lora_weights not in _LEAVES_BASE_ALONE:
        raise _unfit(folder, f"its starting point {config.init_lora_weights} changes the base weights")
    return config


@contextmanager
def _without_rows(folder: Path, tensors: Tensors) -> Iterator[Path]:
    """Yield a folder with the same adapter but for the embeddings of new tokens."""
    settings = _read_settings(folder) | {"trainable_token_indices": None}
    with TemporaryDirectory() as name:
        plain = Path(name)
        (plain / _CONFIG).write_text(json.dumps(settings), encoding="utf-8")
        save_file({key: each for key, each in tensors.items() if not key.endswith(_ROWS)}, plain / _WEIGHTS)
        yield plain


def _read_weights(folder: Path) -> Tensors:
    try:
        with safe_open(folder / _WEIGHTS, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except SafetensorError:
        raise UserMistake(
            "the file of an adapter is damaged", str(folder / _WEIGHTS), "copy it again"
        ) from None


def _virtual_values(tensors: Tensors, kind: str, model: Any, folder: Path) -> torch.Tensor:
    """Return the only tensor of an adapter of virtual tokens, checked: one row for each of them."""
    values = tensors.get("prompt_embeddings")
    config = model.config.get_text_config()
    heads, size = key_size(config)
    width = 2 * config.num_hidden_layers * heads * size if kind == "PREFIX_TUNING" else config.hidden_size
    if values is None or len(tensors) != 1 or values.ndim != 2 or values.shape[1] != width:
        given = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        raise _unfit(folder, f"it holds {given} where the base wants prompt_embeddings of width {width}")
    return values


def _check_fit(tensors: Tensors, config: PeftConfig, model: Any, folder: Path) -> None:
    """Compare with the same adapter on a copy of the base model that has shapes and no memory."""
    from peft import get_peft_model, get_peft_model_state_dict
    from transformers import AutoModelForCausalLM

    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
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


def _damaged_settings(folder: Path, error: Exception) -> UserMistake:
    return UserMistake("an adapter's configuration must be PEFT's", f"{folder}: {error}", "")


def _unfit(folder: Path, reason: str) -> UserMistake:
    return UserMistake(
        "an adapter must fit the base model", f"{folder}: {reason}", "use the base that it was trained on"
    )
