"""Adapters that PEFT does not keep for us: changed weights, factors of IA3, virtual tokens, new tokens.

Each is switched on and off around a forward pass; off, the base is bit for bit what it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from inhouse.engines.torch_prefix import virtual_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inhouse.engines.torch_prefix import Pairs

__all__ = ["ChangedWeights", "Factors", "TokenRows", "VirtualTokens"]

Modules = dict[str, Any]
Place = tuple[Any, str]  # a module and the name of one of its parameters


class ChangedWeights:
    """Weights that replace the base's while they are on.

    A weight that stands in two places, as tied embeddings do, changes in both unless the adapter `unties`
    them. `unfit` says why they do not belong to this base, or "".
    """

    def __init__(self, modules: Modules, tensors: Mapping[str, torch.Tensor], unties: bool) -> None:
        places = _places(modules)
        self.unfit = _misfit(places, tensors)
        self.changes = False
        self._new: list[tuple[Place, torch.nn.Parameter]] = []
        self._old: list[tuple[Place, torch.nn.Parameter]] = []
        if not self.unfit:
            for name, tensor in tensors.items():
                self._take(places, name, tensor, unties)

    def on(self) -> None:
        """Put the changed weights in."""
        self._old = [(place, _get(place)) for place, _ in self._new]
        for place, weight in self._new:
            _put(place, weight)

    def off(self) -> None:
        """Put the base's own weights back: the same tensors, not copies."""
        for place, weight in self._old:
            _put(place, weight)
        self._old = []

    def remove(self) -> None:
        """Free the changed weights."""
        self._new = []

    def _take(self, places: dict[str, Place], name: str, tensor: torch.Tensor, unties: bool) -> None:
        old = _get(places[name])
        new = torch.nn.Parameter(tensor.to(old.device, old.dtype), requires_grad=False)
        self.changes |= not torch.equal(new, old)
        shared = [place for place in places.values() if _get(place) is old and not unties]
        self._new += [(place, new) for place in shared or [places[name]]]


class Factors:
    """IA3: what a layer gives, or what a feed-forward layer takes, times a trained vector."""

    def __init__(self, modules: Modules, tensors: Mapping[str, torch.Tensor], config: Any) -> None:
        feed_forward = set(config.feedforward_modules or ())
        self._hooks: list[Any] = []
        self._layers = []
        for name, tensor in tensors.items():
            path = name.removeprefix("base_model.model.").rpartition(".ia3_l")[0]
            weight = modules[path].weight
            factor = tensor.flatten().to(weight.device, weight.dtype)
            self._layers.append((modules[path], factor, path.rpartition(".")[2] in feed_forward))

    def on(self) -> None:
        """Multiply from now on."""
        for module, factor, before in self._layers:
            hook = _before(module, factor) if before else _after(module, factor)
            self._hooks.append(hook)

    def off(self) -> None:
        """Stop multiplying."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    def remove(self) -> None:
        """Free the factors."""
        self._layers = []


class TokenRows:
    """Embeddings of tokens that an adapter gave a meaning; tied output embeddings change with them.

    PEFT cannot load an adapter without such rows beside one that has them.
    """

    def __init__(self, embeddings: Any, tokens: Sequence[int], rows: torch.Tensor) -> None:
        self._weight: torch.nn.Parameter = embeddings.weight
        self._tokens = torch.tensor(tokens, device=self._weight.device)
        self._new = rows.to(self._weight.device, self._weight.dtype)
        self._old = self._weight.detach()[self._tokens]

    def on(self) -> None:
        """Put the rows in."""
        self._weight.data[self._tokens] = self._new

    def off(self) -> None:
        """Put the base's own rows back."""
        self._weight.data[self._tokens] = self._old

    def remove(self) -> None:
        """Do nothing: there are a few rows to free."""


class VirtualTokens:
    """Keys and values that come before every text; the engine starts its caches with them."""

    def __init__(self, model: Any, kind: str, values: torch.Tensor) -> None:
        self.count = len(values)
        with torch.inference_mode():
            self.pairs: Pairs = virtual_tokens(model, kind, values)

    def on(self) -> None:
        """Do nothing: the engine asks for the pairs of the active adapter."""

    def off(self) -> None:
        """Do nothing: nothing in the model was changed."""

    def remove(self) -> None:
        """Free keys and values."""
        self.pairs = []


def _places(modules: Modules) -> dict[str, Place]:
    """Return where each parameter stands, by its full name; a shared one stands in several places."""
    return {
        f"{path}.{leaf}" if path else leaf: (module, leaf)
        for path, module in modules.items()
        for leaf, weight in module._parameters.items()
        if weight is not None
    }


def _misfit(places: dict[str, Place], tensors: Mapping[str, torch.Tensor]) -> str:
    for name, tensor in sorted(tensors.items()):
        wanted = tuple(_get(places[name]).shape) if name in places else "absent"
        if tuple(tensor.shape) != wanted:
            return f"{name} is {tuple(tensor.shape)} where the base wants {wanted}"
    return "" if tensors else "it changes no weight"


def _get(place: Place) -> torch.nn.Parameter:
    module, leaf = place
    weight: torch.nn.Parameter = module._parameters[leaf]
    return weight


def _put(place: Place, weight: torch.nn.Parameter) -> None:
    module, leaf = place
    module._parameters[leaf] = weight


def _before(module: Any, factor: torch.Tensor) -> Any:
    return module.register_forward_pre_hook(lambda _module, inputs: (inputs[0] * factor, *inputs[1:]))


def _after(module: Any, factor: torch.Tensor) -> Any:
    return module.register_forward_hook(lambda _module, _inputs, output: output * factor)
